package legacy

// mixerPolicy judges the switch of Mixer's policy checks, which were off unless
// somebody put them on:
// https://archive.istio.io/v1.4/docs/tasks/policy-enforcement/enabling-policy/
// Without Mixer, a mesh that counted on them would let everything pass.
func mixerPolicy(t *translation) {
	keys := []string{"values", "global", "disablePolicyChecks"}
	v := t.spec.Get(keys...)
	if v == nil {
		return
	}
	on := v.Value == false
	for _, off := range [][]string{{"policy", "enabled"}, {"components", "policy", "enabled"}, {"policy", "components", "policy", "enabled"}} {
		if s := t.spec.Get(off...); s != nil && s.Value == false {
			on = false
		}
	}
	if on {
		t.take(keys, Mistake, "write AuthorizationPolicies, or name an ext_authz provider in meshConfig.extensionProviders; then take this out",
			"asks for Mixer's policy checks, which are gone")
		return
	}
	t.take(keys, Note, "", "asks for nothing today")
}
