package spec

import (
	"github.com/setup-mesh/setup-mesh/pkg/image"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// checkImages refuses images that change under the mesh: a plan made today must
// mean the same tomorrow.
func checkImages(t *tree.Tree, path string, ps *tree.Problems) {
	t.Walk(path, func(path *tree.Trail, t *tree.Tree) {
		for _, k := range t.Keys() {
			v := t.Get(k)
			text, ok := v.Literal()
			switch {
			case !ok:
			case k == "tag" && image.Floating(text):
				ps.Add(v.At, path.Key(k).String(), "name a release, or leave it out", "%s changes from day to day", names.Quote(text))
			case k == "hub" && image.Development(text):
				ps.Add(v.At, path.Key(k).String(), "leave it out, or name where you keep release images", "%s holds development builds, not releases", names.Quote(text))
			}
		}
	})
}
