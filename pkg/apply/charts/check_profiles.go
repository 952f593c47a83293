package charts

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"istio.io/istio/manifests"
)

// profiles refuses names of sets of values that the charts do not have: they are files
// of a chart, which names the set and no place in the spec.
// https://github.com/istio/istio/blob/1.31.0/manifests/zzz_profile.yaml
func (c *checker) profiles(spec map[string]any) {
	for _, set := range []struct {
		prefix string
		at     [][]string
	}{
		{"profile-compatibility-version-", [][]string{{"compatibilityVersion"}, {"values", "compatibilityVersion"}}},
		{"profile-platform-", [][]string{{"values", "platform"}, {"values", "global", "platform"}}},
		{"profile-", [][]string{{"values", "profile"}, {"values", "global", "profile"}}},
	} {
		for _, at := range set.at {
			name := lookup(spec, at...)
			if name == nil || name == "" {
				continue
			}
			if known := setsOf(set.prefix); !slices.Contains(known, fmt.Sprint(name)) {
				c.advise("spec."+joined(at), "one of "+strings.Join(known, ", "), "there is no %v", name)
				remove(spec, at...)
			}
		}
	}
}

// setsOf are the names of sets of values with a prefix, sorted; not those of a longer
// prefix.
func setsOf(prefix string) []string {
	files, _ := fs.Glob(manifests.BuiltinOrDir(""), "charts/istio-control/istio-discovery/files/"+prefix+"*.yaml") // the pattern is a good one
	var out []string
	for _, f := range files {
		name := strings.TrimSuffix(f[strings.LastIndex(f, "/")+1+len(prefix):], ".yaml")
		if !strings.HasPrefix(name, "compatibility-version-") && !strings.HasPrefix(name, "platform-") {
			out = append(out, name)
		}
	}
	return out
}
