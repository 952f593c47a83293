package e2e

import (
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EUpkeep has three clusters on two networks, and what happens to a mesh in the course of time: others change or
// delete what is in it, its files are edited at the wrong moment, contexts get other names. The API server of west-1
// grants tokens for a day, as those of some clouds do.
func TestE2EUpkeep(t *testing.T) {
	needsLab(t)
	u := &upkeep{journey: newJourney(t, lab.Options{Clusters: 3, ShortTokens: []string{west1}})}
	u.inOrder(t, []step{
		{"Before", u.takeStock},
		{"TokensAreShort", u.shortTokens},
		{"SavedPlanWasEdited", u.editedPlan},
		{"APIServerIsEditedAfterThePlan", u.editedServer},
		{"OtherNamespace", u.otherNamespace},
		{"OtherMesh", u.otherMesh},
		{"SelectorHasOneMoreLabel", u.selector},
		{"InjectorHasOneMoreCondition", u.injector},
		{"InjectorIsGone", u.noInjector},
		{"ReaderAccountIsMadeAgain", u.account},
		{"RecordHasOtherVersions", u.versionsOfTheRecord},
		{"ContextHasAnotherName", u.renamed},
		{"ClusterLeavesAndRecordIsLost", u.leavesUnrecorded},
		{"NamespaceIsBeingDeleted", u.namespaceEnds},
		{"TeardownLeavesWhatIsTheUsers", u.takeOut},
	})
}

type upkeep struct{ *journey }

// all are the clusters of the mesh.
func (u *upkeep) all(t *testing.T) { t.Helper(); u.topology(t, inEast1, inEast2, inWest1) }

// healed applies once, after which all is well.
func (u *upkeep) healed(t *testing.T) {
	t.Helper()
	u.applied(t)
	wantWords(t, u.run(t, 0, "status"), "The mesh is one")
}

// applied is healed without asking status, where that was not asked what is wrong.
func (u *upkeep) applied(t *testing.T) {
	t.Helper()
	u.run(t, 0, "apply", "--yes")
	wantWords(t, u.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	for _, c := range []string{east1, east2} {
		eventually(t, c+": pods are injected", u.clusters[c].injects)
	}
}

// shortTokens are told of with the time at which they end.
func (u *upkeep) shortTokens(t *testing.T) {
	u.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	u.all(t)
	r := u.run(t, 0, "apply", "--yes")
	words := []string{"west-1", "grants tokens for 24 h", "expire at ", "run setup-mesh apply on a timer, at least every 16 h"}
	wantWords(t, r, words...)
	wantWords(t, u.run(t, 0, "status"), words...)
	wantWords(t, u.run(t, 0, "plan"), words...)
}

// refusedPlan wants a saved plan to be refused, with words, and nothing to be written.
func (j *journey) refusedPlan(t *testing.T, file string, words ...string) {
	t.Helper()
	before := j.versions(t)
	wantWords(t, j.run(t, 1, "apply", "--plan", file), words...)
	wantSame(t, before, j.versions(t))
}

// editedPlan has another action than it was saved with, under the same digest.
func (u *upkeep) editedPlan(t *testing.T) {
	base, saved := u.read(t, "base.yaml"), u.home+"/plan.json"
	u.write(t, "base.yaml", strings.Replace(base, "spec:\n  profile:", "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n  profile:", 1))
	u.run(t, 0, "plan", "--out", saved)
	was := readFile(t, saved)
	edited := strings.Replace(was, `"action": "update"`, `"action": "delete"`, 1)
	if edited == was {
		t.Fatalf("no update in the plan:\n%s", was)
	}
	writeFile(t, saved, edited)
	u.refusedPlan(t, saved, "the plan was changed after it was saved")
	u.write(t, "base.yaml", base)
}

// editedServer sends tokens elsewhere than the plan says.
func (u *upkeep) editedServer(t *testing.T) {
	saved, config := u.home+"/plan.json", u.clusters[west1].config
	at := func(host string) string {
		return strings.Replace(inWest1, "}", ", apiServer: {server: '"+strings.Replace(config.Host, "127.0.0.1", host, 1)+"'}}", 1)
	}
	u.topology(t, inEast1, inEast2, at("localhost"))
	wantWords(t, u.run(t, 0, "plan", "--out", saved), "API server of west-1: "+config.Host+" -> ")
	u.topology(t, inEast1, inEast2, at("127.0.0.2"))
	u.refusedPlan(t, saved, "is out of date", "files in the work directory", "127.0.0.2")
	u.all(t)
}

// otherNamespace would leave one control plane behind and make a second one.
func (u *upkeep) otherNamespace(t *testing.T) {
	var lines []string
	for _, line := range []string{inEast1, inEast2, inWest1} {
		lines = append(lines, strings.Replace(line, "}", ", namespace: istio-control}", 1))
	}
	u.topology(t, lines...)
	u.refused(t, "east-1: the control plane is in namespace istio-system, but topology.yaml says istio-control",
		"contexts."+east1+".namespace to istio-system", "west-1: the control plane")
	u.all(t)
}

// refused wants an apply to be refused, and to write nothing.
func (u *upkeep) refused(t *testing.T, words ...string) {
	t.Helper()
	before := u.versions(t)
	wantWords(t, u.run(t, 1, "apply", "--yes"), words...)
	wantSame(t, before, u.versions(t))
}

// otherMesh takes one of the clusters for another mesh, in a namespace of its own.
func (u *upkeep) otherMesh(t *testing.T) {
	was := u.dir
	u.dir = t.TempDir()
	u.run(t, 0, "prep", "--mesh-id", "other", "--org", "example.com")
	u.write(t, "topology.yaml", "mesh_id: other\ncontexts:\n  "+strings.Replace(inWest1, "}", ", namespace: istio-other}", 1)+"\n")
	u.refused(t, "west-1: the cluster is a member of mesh mymeshname (namespace istio-system), not of other", "tear that mesh down first")
	u.dir = was
}
