package topology

import "strings"

// checkImages refuses images that change under the mesh: a plan made today must
// mean the same tomorrow.
func checkImages(t *tree, path string, ps *Problems) {
	t.walk(path, func(path *trail, t *tree) {
		for _, k := range t.sortedAsWritten() {
			v := t.get(k)
			text, ok := v.literal()
			switch {
			case !ok:
			case k == "tag" && strings.HasPrefix(text, "latest"):
				ps.add(v.at, path.key(k).String(), "name a release, or leave it out", "%s changes from day to day", quote(text))
			case k == "hub" && (strings.HasPrefix(text, "registry.istio.io/testing") || strings.HasPrefix(text, "gcr.io/istio-testing")):
				ps.add(v.at, path.key(k).String(), "leave it out, or name where you keep release images", "%s holds no releases", quote(text))
			}
		}
	})
}
