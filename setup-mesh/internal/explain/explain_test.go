package explain

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPath says which file a path is taken to be of.
func TestPath(t *testing.T) {
	tests := map[string]struct{ path, file, where string }{
		"a key of topology.yaml":                   {"mesh_id", Topology, "mesh_id"},
		"with the file's name":                     {"topology.yaml.mesh_id", Topology, "mesh_id"},
		"with the file's short name":               {"topology.contexts.east.name", Topology, "contexts.east.name"},
		"a key of the spec":                        {"values.pilot", Base, "spec.values.pilot"},
		"with the spec":                            {"spec.values.pilot", Base, "spec.values.pilot"},
		"with base":                                {"base.spec.values", Base, "spec.values"},
		"with base.yaml":                           {"base.yaml.kind", Base, "kind"},
		"a block of Istio 1.4 called base":         {"base.enabled", Base, "spec.base.enabled"},
		"metadata of base.yaml":                    {"metadata.namespace", Base, "metadata.namespace"},
		"the whole of topology.yaml":               {"topology", Topology, ""},
		"what an overlay has from base.yaml":       {"contexts.east.overlay.values.pilot", Topology, "contexts.east.overlay.values.pilot"},
		"the overlay itself":                       {"contexts.east.overlay", Topology, "contexts.east.overlay"},
		"a namespace, which contexts have as well": {"namespace", Base, "spec.namespace"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Path(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.file, tt.where}, []string{got[0].File, got[0].Path}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNowhere says what was probably meant by a path that leads nowhere.
func TestNowhere(t *testing.T) {
	tests := map[string]struct{ path, want string }{
		"a key of the file":                     {"mesh_idd", "did you mean mesh_id?"},
		"a key below a context":                 {"contexts.east.networ", "did you mean contexts.east.network?"},
		"a value":                               {"values.pilot.traceSamplng", "did you mean spec.values.pilot.traceSampling?"},
		"a key that is elsewhere":               {"traceSampling", "did you mean spec.values.pilot.traceSampling?"},
		"a key of topology.yaml that is below":  {"topology.namespaces", "did you mean injection.namespaces?"},
		"a key below an overlay":                {"contexts.east.overlay.values.pilto", "did you mean spec.values.pilot?"},
		"a key like none":                       {"components.xyzzy", "setup-mesh explain spec.components lists the keys"},
		"a key of a gateway that all have":      {"components.ingressGateways.enabeld", "did you mean spec.components.ingressGateways.enabled?"},
		"a file's key that is like none at all": {"topology.xyzzy", "setup-mesh explain lists the keys"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Path(tt.path)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, e.Remedy()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
