package spec

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A setting is one that is refused. unless lists the values that ask for nothing
// special.
type setting struct {
	path   string
	unless []string
	hint   string
}

const oneRevision = "setup-mesh installs one control plane, the default revision: take it out"

// unsupported are settings of today's Istio that setup-mesh cannot honour yet.
var unsupported = []setting{
	{"installPackagePath", nil, "setup-mesh installs the charts that are built into it: take it out"},
	{"revision", []string{"", "default"}, oneRevision},
	{"values.revision", []string{"", "default"}, oneRevision},
	{"values.global.revision", []string{"", "default"}, oneRevision},
}

const remoteOnlyHint = "take it out, and name the primaries of each remote cluster in topology.yaml"

// remoteOnly are settings that make a cluster a remote one.
var remoteOnly = []setting{
	{"components.base.enabled", []string{"true"}, remoteOnlyHint},
	{"components.pilot.enabled", []string{"true"}, remoteOnlyHint},
	{"components.istiodRemote.enabled", []string{"false"}, remoteOnlyHint},
	{"values.istiodRemote", nil, remoteOnlyHint},
	{"values.global.configCluster", []string{"false"}, remoteOnlyHint},
	{"values.global.remotePilotAddress", []string{""}, remoteOnlyHint},
}

// checkUnsupported reports what today's Istio can do and setup-mesh cannot yet.
func checkUnsupported(t *tree.Tree, path string, ps *tree.Problems) {
	refuse(unsupported, "is not yet supported", t, path, ps)
	for i, tag := range t.Get("values", "revisionTags").List() {
		if tag.Text == "default" {
			ps.Add(tag.At, tree.ItemPath(tree.Join(path, "values.revisionTags"), i, tag), "take it out",
				"the default revision serves this tag already: pods would be injected twice")
		}
	}
}

// checkRemoteOnly reports what is for remote clusters in a spec of others.
func checkRemoteOnly(t *tree.Tree, path string, ps *tree.Problems) {
	refuse(remoteOnly, "is for remote clusters only", t, path, ps)
}

func refuse(settings []setting, message string, t *tree.Tree, path string, ps *tree.Problems) {
	for _, s := range settings {
		keys := strings.Split(s.path, ".")
		v := t.Get(keys...)
		if v.IsNull() || slices.Contains(s.unless, v.Text) && v.Kind == tree.Scalar {
			continue
		}
		ps.Add(t.KeyAt(keys...), tree.Join(path, s.path), s.hint, "%s", message)
	}
}
