package manifest

import (
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// Migrate puts a base.yaml into today's terms, with the user's comments, and with a
// comment for every decision where its setting stands now or stood before. A file that
// says all in today's terms comes out with the same settings. The problems are what
// the user has to decide; the settings in question are only in comments then. A file
// that cannot be read as a base.yaml at all is an error of type [topology.Problems].
func Migrate(name string, data []byte) (today []byte, open topology.Problems, err error) {
	t, ps := readDocument(name, data)
	if t == nil || len(ps) > 0 {
		return nil, nil, ps.Err()
	}
	kind := checkKind(t, &ps)
	body := t.Get("spec")
	if kind == "" || body != nil && body.Kind != tree.Mapping && !body.IsNull() {
		_, err := ParseBase(name, data)
		return nil, nil, err
	}
	if body.IsNull() {
		body = tree.NewMapping()
	}
	translated, decisions := spec.Read(body, "spec", false, &open)
	open.Sort()
	w := &writer{comments: commentsOf(data), decided: map[string][]string{}}
	for _, d := range decisions {
		w.decide(translated, d)
	}
	return w.document(kind, t, translated), open, nil
}
