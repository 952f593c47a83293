package view

import (
	"bytes"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// pairOf is a pair of which some steps are not as they should be.
func pairOf(reader string, changed ...status.Step) *status.Pair {
	right := func(id status.StepID, message string) status.Step {
		return status.Step{ID: id, State: status.Right, Message: message}
	}
	steps := []status.Step{
		right(status.StepMembers, "all answer, and are members of mesh mymeshname"),
		right(status.StepSecret, "Secret istio-system/istio-remote-secret-west-1 is there"),
		right(status.StepName, "the credential is for west-1"),
		right(status.StepServer, "https://10.2.0.4:6443 answers from here"),
		right(status.StepToken, "accepted, and valid until 2027-11-21"),
		right(status.StepSynced, "so says istiod-1"),
		right(status.StepNetwork, "east-2 on network-east, west-1 on network-west"),
		right(status.StepGateway, "it is at 203.0.113.3:15443, and istiod knows that"),
		right(status.StepListener, "the gateway answers at 203.0.113.3:15443"),
		right(status.StepTrust, "both trust root 5F:3A:9C"),
	}
	for _, c := range changed {
		for i := range steps {
			if steps[i].ID == c.ID {
				steps[i] = c
			}
		}
	}
	return &status.Pair{Format: status.PairFormat, Mesh: "mymeshname", From: "east-2", To: "west-1", Paths: []status.Path{{Reader: reader, Steps: steps}}}
}

func TestViewPair(t *testing.T) {
	untried := status.Step{ID: status.StepListener, State: status.Uncertain, Untried: true, Message: "203.0.113.3:15443 cannot be reached from here"}
	refused := status.Step{ID: status.StepToken, State: status.Wrong, Findings: []plan.Finding{
		{ID: "discovery/credential-valid", Cluster: "east-2", Peer: "west-1", Message: "cannot read west-1: its token was refused (401)", Hint: "setup-mesh apply"},
		{ID: "access/granted", Cluster: "west-1", Peer: "east-2", Message: "Secret istio-system/setup-mesh-grant-east-2 is missing", Hint: "setup-mesh apply"},
	}}
	two := pairOf("east-1")
	two.Paths = append(two.Paths, pairOf("north-1", status.Step{ID: status.StepSynced, State: status.Wrong, Message: "timeout in istiod-1"}).Paths...)
	tests := map[string]*status.Pair{
		"pair-healthy": pairOf("east-2", untried),
		"pair-refused": pairOf("east-2", refused, status.Step{ID: status.StepGateway, State: status.Uncertain, Message: "it is not known"}),
		"pair-unknown": pairOf("east-2", status.Step{ID: status.StepMembers, State: status.Uncertain, Findings: []plan.Finding{
			{ID: "cluster/reached", Cluster: "west-1", Unknown: true, Message: "not reached: i/o timeout", Hint: "give that user get and list", Detail: role}}}),
		"pair-remote": two,
		"pair-apart": {From: "east-2", To: "alone", Paths: []status.Path{{Reader: "east-2", Steps: []status.Step{
			{ID: status.StepApart, State: status.Right, Message: "topology.yaml does not have east-2 discover alone"}}}}},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			Pair(&b, p, false)
			golden(t, name, b.String())
		})
	}
}
