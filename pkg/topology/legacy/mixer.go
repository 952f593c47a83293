package legacy

import "slices"

// mixerPolicy judges the switch of Mixer's policy checks, which were off unless
// somebody put them on:
// https://archive.istio.io/v1.4/docs/tasks/policy-enforcement/enabling-policy/
// Without Mixer, a mesh that counted on them would let everything pass.
func mixerPolicy(t *translation) {
	switches := [][]string{{"policy", "enabled"}, {"components", "policy", "enabled"}, {"policy", "components", "policy", "enabled"}}
	off := slices.ContainsFunc(switches, func(keys []string) bool { return t.says(keys, false) })
	t.policyChecks([]string{"values", "global", "disablePolicyChecks"}, !off)
	// Since 1.5 this is where it stands, and Mixer is off unless a file puts it on.
	t.policyChecks([]string{"meshConfig", "disablePolicyChecks"}, t.says(switches[1], true))
}

// policyChecks judges a switch that turns Mixer's checks off, given whether Mixer
// would have made them.
func (t *translation) policyChecks(keys []string, mixer bool) {
	switch v := t.spec.Get(keys...); {
	case v == nil:
	case v.Value == false && mixer:
		t.take(keys, Mistake, "write AuthorizationPolicies, or name an ext_authz provider in meshConfig.extensionProviders; then take this out",
			"asks for Mixer's policy checks, which are gone")
	default:
		t.take(keys, Note, "", "asks for nothing today")
	}
}

// says tells whether a switch is there and has a position.
func (t *translation) says(keys []string, on bool) bool {
	v := t.spec.Get(keys...)
	return v != nil && v.Value == on
}
