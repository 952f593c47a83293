package view

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// stepName is what a step is called to the user.
func stepName(s plan.About) string {
	switch s.Kind {
	case plan.Begin: // the error says at what: the namespace, the lock or the record
		return "start"
	case plan.Finish:
		return "record"
	case plan.Remove:
		return "removal of " + partName(s)
	case plan.Prove:
		if s.Peer != "" {
			return string(s.Claim) + " of " + s.Peer
		}
		return string(s.Claim)
	}
	return partName(s)
}

func partName(s plan.About) string {
	switch s.Part {
	case order.Endpoints:
		return "address of " + s.Peer
	case order.Credential:
		return "remote access to " + s.Peer
	case order.Grant:
		return "remote access for " + s.Peer
	case order.PeerGateways:
		return "gateway of " + s.Peer
	case order.Front:
		return "gateway service"
	}
	return string(s.Part)
}

// quietStep says whether the good end of a step is no news.
func quietStep(s plan.About) bool {
	switch {
	case s.Kind == plan.Begin, s.Kind == plan.Finish:
		return true
	case s.Claim == order.Knows: // which is half of the way
		return true
	case s.Part == order.Credential, s.Part == order.Grant, s.Part == order.Service, s.Part == order.Account, s.Part == order.Front:
		return true
	}
	return false
}

func aboutEvent(e execute.Event) plan.About {
	return plan.About{Kind: e.Step, Part: e.Part, Peer: e.Peer, Claim: e.Claim}
}
