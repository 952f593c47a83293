package envoy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeckDealsByWeight(t *testing.T) {
	hosts := []host{{address: "a", weight: 4}, {address: "b", weight: 2}}
	d, got := deck{}, map[string]int{}
	for range 12 {
		h, ok := d.deal(hosts, nil)
		if !ok {
			t.Fatal("no host")
		}
		got[h.address]++
	}
	if diff := cmp.Diff(map[string]int{"a": 8, "b": 4}, got); diff != "" {
		t.Errorf("dealt (-want +got):\n%s", diff)
	}
}

func TestDeckAvoidsWhatWasTried(t *testing.T) {
	hosts := []host{{address: "a", weight: 9}, {address: "b", weight: 1}}
	for range 20 {
		d := deck{}
		if h, _ := d.deal(hosts, []string{"a"}); h.address != "b" {
			t.Fatalf("after a, %s is dealt", h.address)
		}
		if h, ok := d.deal(hosts, []string{"a", "b"}); !ok {
			t.Fatalf("after both, %q is dealt, and not one of them again", h.address)
		}
	}
}

func TestDeckFollowsTheEndpoints(t *testing.T) {
	d := deck{}
	d.deal([]host{{address: "a", weight: 1}, {address: "gone", weight: 1}}, nil)
	for range 5 {
		if h, _ := d.deal([]host{{address: "a", weight: 1}}, nil); h.address != "a" {
			t.Fatalf("%s is dealt, which is no endpoint any longer", h.address)
		}
	}
	if h, ok := d.deal(nil, nil); ok {
		t.Errorf("%s is dealt of nothing", h.address)
	}
}

func TestUsable(t *testing.T) {
	up, down, far := host{address: "up", healthy: true}, host{address: "down"}, host{address: "far", healthy: true, priority: 1}
	tests := map[string]struct{ in, want []host }{
		"the first priority":                    {[]host{far, up, down}, []host{up}},
		"the next one where the first is down":  {[]host{down, far}, []host{far}},
		"nothing where nothing is as it should": {[]host{down}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, usable(tt.in), cmp.AllowUnexported(host{})); diff != "" {
				t.Errorf("usable (-want +got):\n%s", diff)
			}
		})
	}
}
