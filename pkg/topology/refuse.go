package topology

import (
	"slices"
	"strings"
)

// A setting is one that is refused. unless lists the values that ask for nothing
// special.
type setting struct {
	path   string
	unless []string
	hint   string
}

const oneRevision = "one control plane, the default revision, is installed: take it out"

// unsupported are settings of today's Istio that setup-mesh cannot honour yet.
var unsupported = []setting{
	{"installPackagePath", nil, "the charts of the release that is built in are installed: take it out"},
	{"revision", []string{"", "default"}, oneRevision},
	{"values.revision", []string{"", "default"}, oneRevision},
	{"values.global.revision", []string{"", "default"}, oneRevision},
	{"components.ztunnel.enabled", []string{"false"}, "ambient is not covered: take it out"},
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
func checkUnsupported(t *tree, path string, ps *Problems) {
	refuse(unsupported, "is not yet supported", t, path, ps)
	for i, tag := range t.get("values", "revisionTags").list() {
		if tag.text == "default" {
			ps.add(tag.at, itemPath(join(path, "values.revisionTags"), i, tag), "take it out",
				"the default revision serves it already, and pods would be injected twice")
		}
	}
}

// checkRemoteOnly reports what is for remote clusters in a spec of others.
func checkRemoteOnly(t *tree, path string, ps *Problems) {
	refuse(remoteOnly, "is for remote clusters only", t, path, ps)
}

func refuse(settings []setting, message string, t *tree, path string, ps *Problems) {
	for _, s := range settings {
		keys := strings.Split(s.path, ".")
		v := t.get(keys...)
		if v.isNull() || slices.Contains(s.unless, v.text) && v.kind == scalar {
			continue
		}
		ps.add(t.keyAt(keys...), join(path, s.path), s.hint, "%s", message)
	}
}
