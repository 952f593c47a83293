package legacy

import "slices"

// nodeAgent judges the agent on each node, whose work the agents in proxies do
// today. Which CA it asked matters: today it can only be the cluster's istiod.
func nodeAgent(t *translation) {
	block := []string{"values", "nodeagent"}
	env := append(slices.Clone(block), "env")
	const hint = "every cluster's CA is signed by the mesh's root: take it out, and plug that root in with setup-mesh prep"
	provider, _ := t.spec.Get(append(slices.Clone(env), "CA_PROVIDER")...).Literal()
	address := t.spec.Get(append(slices.Clone(env), "CA_ADDR")...)
	other := provider != "" && provider != "Citadel" || !address.IsNull() && !has(address, "citadel") && !has(address, "istiod")
	for _, k := range slices.Clone(t.spec.Get(env...).Keys()) {
		foreign := k == "CA_PROVIDER" && provider != "Citadel" || k == "CA_ADDR" && other || k == "PLUGINS" && other || k == "GKE_CLUSTER_URL"
		if keys := append(slices.Clone(env), k); foreign {
			t.take(keys, Mistake, hint, "names a CA that is not the mesh's")
		}
	}
	if t.spec.Get(block...) != nil {
		t.take(block, Note, "", "asks for nothing today: the agent in each proxy does its work")
	}
}
