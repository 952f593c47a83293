package spec

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// ProfileRemote installs what a cluster without a control plane of its own needs:
// https://github.com/istio/istio/blob/1.31.0/manifests/profiles/remote.yaml
const ProfileRemote = "remote"

// The profiles of ambient mode:
// https://istio.io/latest/docs/ambient/install/platform-prerequisites/
const (
	ProfileAmbient          = "ambient"
	ProfileOpenShiftAmbient = "openshift-ambient"
)

// Ambient says whether a profile is one of ambient mode.
func Ambient(profile string) bool {
	return profile == ProfileAmbient || profile == ProfileOpenShiftAmbient
}

// profiles are those that install an istiod.
var profiles = []string{"default", "demo", "minimal", "preview", "stable", "openshift", ProfileAmbient, ProfileOpenShiftAmbient}

// profileExternal is for an istiod outside of the mesh's clusters.
const profileExternal = "external"

func checkProfile(t *tree.Tree, path string, remote bool, ps *tree.Problems) {
	name, ok := t.Literal()
	switch {
	case !ok || slices.Contains(profiles, name) || remote && name == ProfileRemote:
	case name == ProfileRemote:
		ps.Add(t.At, path, remoteOnlyHint, "%s is the profile of remote clusters", names.Quote(name))
	case name == profileExternal:
		ps.Add(t.At, path, "take it out: a control plane is in a cluster of the mesh, and clusters that it serves have primaries in topology.yaml",
			"%s is for a control plane outside of the mesh", names.Quote(name))
	default:
		hint := names.DidYouMean(name, profiles)
		if hint == "" {
			hint = "one of " + strings.Join(profiles, ", ")
		}
		ps.Add(t.At, path, hint, "there is no profile %s", names.Quote(name))
	}
}
