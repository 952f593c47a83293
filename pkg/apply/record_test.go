package apply

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func recordText(text string) *unstructured.Unstructured {
	return object.New("v1", "ConfigMap", "ns", "setup-mesh", nil, map[string]any{"data": map[string]any{"record.json": text}})
}

// FuzzParseRecord looks for records that a plan chokes on: whoever may write
// ConfigMaps in a member decides what they hold.
func FuzzParseRecord(f *testing.F) {
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","cluster":"a","members":[{"name":"a","context":"kind-a","uid":"uid-a"},{"name":"x","context":"y","uid":"z"}],"objects":[{"version":"v1","kind":"Secret","name":"x","component":"gateway"}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1","mesh":"m","manifest":{"values":[null,{"name":null}]},"members":[{}],"objects":[{},{}]}`)
	f.Add(`{"format":"setup-mesh.io/record/v1"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := record.Parse(recordText(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read the record in ConfigMap ns/setup-mesh: ") {
				t.Errorf("the error does not say what was read: %v", err)
			}
			return
		}
		d := WantedMesh(t, OneNetwork, TestBase)
		w := EmptyWorld(d)
		w.Clusters[0].Record = r
		observe.DepartedMembers(w, d)
		p := NewPlan(d, w, plan.Options{})
		if _, err := p.Save(); err != nil {
			t.Errorf("the plan cannot be saved: %v", err)
		}
	})
}
