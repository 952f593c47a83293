package legacy

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// profile turns the profiles of their time into today's. A spec that begins with
// nothing and asks for a control plane asks for the default one, with the gateways
// that it lists.
func profile(t *translation) {
	v := t.spec.Get("profile")
	name, _ := v.Literal()
	switch name {
	case "sds":
		t.profileIs("default", "every proxy gets its certificates by SDS")
	case "demo-auth":
		t.profileIs("demo", "mutual TLS is asked for by values.global.mtls.enabled")
		t.put([]string{"values", "global", "mtls", "enabled"}, v.At, tree.FromPlain(true))
	case "empty":
		t.emptyProfile()
	}
}

func (t *translation) profileIs(name, why string) {
	keys := []string{"profile"}
	t.tell(Note, keys, "profile", "", "is %s today: %s", name, why)
	v := *t.spec.Get(keys...)
	v.Text, v.Value = name, name
	t.spec.Put("profile", t.spec.KeyAt(keys...), &v)
}

func (t *translation) emptyProfile() {
	components := t.spec.Get("components")
	if enabled := components.Get("pilot", "enabled"); enabled != nil && enabled.Value == true {
		name := "default"
		if components.Get("ingressGateways").IsNull() {
			name = "minimal" // which has no gateways either
		}
		t.profileIs(name, "the file asks for a control plane of its own")
		return
	}
	gateways := slices.Concat(components.Get("ingressGateways").List(), components.Get("egressGateways").List())
	hint := "take profile out: default, demo and minimal install a control plane"
	switch {
	case len(gateways) == 1 && gateways[0].Get("name") != nil && gateways[0].Get("name").Text == eastWestGateway:
		hint = "leave this file out: setup-mesh makes " + eastWestGateway + " in every cluster that needs it. " +
			"base.yaml is for the control plane; setup-mesh prep writes one"
	case len(gateways) > 0:
		hint = "add these gateways to components.ingressGateways or egressGateways of the file that installs the control plane"
	}
	t.take([]string{"profile"}, Mistake, hint, "\"empty\" installs no control plane, and each cluster needs one")
}

// eastWestGateway is the gateway that setup-mesh makes where networks meet.
const eastWestGateway = "istio-eastwestgateway"
