package topology

import (
	"slices"
	"strings"
)

// profileRemote installs what a cluster without a control plane of its own needs:
// https://github.com/istio/istio/blob/1.31.0/manifests/profiles/remote.yaml
const profileRemote = "remote"

// profiles are those that install an istiod and sidecars.
var profiles = []string{"default", "demo", "minimal", "preview", "stable", "openshift"}

// laterProfiles are those that need what is not built yet: an istiod outside of the mesh, or ambient.
var laterProfiles = []string{"external", "empty", "ambient", "openshift-ambient"}

func checkProfile(t *tree, path string, remote bool, ps *Problems) {
	name, ok := t.literal()
	switch {
	case !ok || slices.Contains(profiles, name) || remote && name == profileRemote:
	case name == profileRemote:
		ps.add(t.at, path, remoteOnlyHint, "%s is the profile of remote clusters", quote(name))
	case slices.Contains(laterProfiles, name):
		ps.add(t.at, path, "one of "+strings.Join(profiles, ", "), "profile %s is not yet supported", quote(name))
	default:
		hint := didYouMean(name, profiles)
		if hint == "" {
			hint = "one of " + strings.Join(profiles, ", ")
		}
		ps.add(t.at, path, hint, "no profile %s", quote(name))
	}
}
