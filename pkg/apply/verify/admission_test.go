package verify

import (
	"errors"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestAdmission(t *testing.T) {
	const cni = "enable cni in base.yaml: injected pods then need no container istio-init, which needs more than Pod Security admits"
	for name, tt := range map[string]struct{ text, want string }{
		"Istio's init container": {`pods "client-1" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "istio-init" must not include "NET_ADMIN")`, cni},
		"another container":      {`pods "client-1" is forbidden: violates PodSecurity "restricted:latest": seccompProfile (container "x")`, ""},
		"another reason":         {`container "istio-init" waits`, ""},
	} {
		err := admission(errors.New(tt.text))
		if got := object.HintOf(err); got != tt.want || err.Error() != tt.text {
			t.Errorf("%s: %v, remedy %q", name, err, got)
		}
	}
}
