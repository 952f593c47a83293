package check

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func prefixes(cidrs ...string) []netip.Prefix {
	var r Ranges
	r.Add(cidrs)
	return r.Sorted()
}

// common is what the ranges of two clusters have in common.
func common(a, b []netip.Prefix) (collision, bool) {
	var all []area
	for _, p := range b {
		all = append(all, area{p, 1})
	}
	for _, p := range a {
		all = append(all, area{p, 0})
	}
	found, ok := collisions(all, func(int, int) bool { return true })[1]
	return found, ok
}

func TestOverlap(t *testing.T) {
	tests := map[string]struct {
		a, b []netip.Prefix
		want []string
	}{
		"nothing":             {},
		"nothing on one side": {a: prefixes("10.0.0.0/8")},
		"apart":               {prefixes("10.0.0.0/24", "10.0.2.0/24"), prefixes("10.0.1.0/24", "10.0.3.0/24"), nil},
		"the same":            {prefixes("10.0.0.0/24", "10.0.2.0/24"), prefixes("10.0.1.0/24", "10.0.2.0/24"), []string{"10.0.2.0/24", "10.0.2.0/24"}},
		"one in the other":    {prefixes("10.0.0.0/8"), prefixes("9.0.0.0/8", "10.200.1.0/24"), []string{"10.0.0.0/8", "10.200.1.0/24"}},
		"one around others":   {prefixes("10.0.1.0/24", "10.0.2.0/24"), prefixes("10.0.0.0/16"), []string{"10.0.1.0/24", "10.0.0.0/16"}},
		"ranges within ranges": {
			prefixes("10.0.0.0/24", "10.1.0.0/16", "10.1.2.0/24"), prefixes("10.0.1.0/24", "10.1.2.128/25"), []string{"10.1.0.0/16", "10.1.2.128/25"},
		},
		"two families":      {prefixes("10.0.0.0/8", "fd00::/64"), prefixes("11.0.0.0/8", "fd00::/48"), []string{"fd00::/64", "fd00::/48"}},
		"all of one family": {prefixes("0.0.0.0/0"), prefixes("::/0"), nil},
		"not as it is written": {
			prefixes("10.0.0.17/24", "nonsense", "10.0.0.0"), prefixes("10.0.0.0/24"), []string{"10.0.0.0/24", "10.0.0.0/24"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got, turned []string
			if x, found := common(tt.a, tt.b); found {
				got = []string{x.first.String(), x.second.String()}
			}
			if x, found := common(tt.b, tt.a); found {
				turned = []string{x.second.String(), x.first.String()}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("overlap (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, turned); diff != "" {
				t.Errorf("overlap, the other way round (-want +got):\n%s", diff)
			}
		})
	}
}
