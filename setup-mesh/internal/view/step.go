package view

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// stepName is what a step is called to the user.
func stepName(s apply.About) string {
	switch s.Kind {
	case apply.Begin: // the error says at what: the namespace, the lock or the record
		return "start"
	case apply.Finish:
		return "record"
	case apply.Remove:
		return "removal of " + partName(s)
	case apply.Prove:
		return string(s.Claim)
	}
	return partName(s)
}

func partName(s apply.About) string {
	switch s.Part {
	case order.Endpoints:
		return "address of " + s.Peer
	case order.Credential:
		return "remote access to " + s.Peer
	case order.Grant:
		return "remote access for " + s.Peer
	case order.Front:
		return "gateway service"
	}
	return string(s.Part)
}

// quietStep says whether the good end of a step is no news.
func quietStep(s apply.About) bool {
	switch {
	case s.Kind == apply.Begin, s.Kind == apply.Finish:
		return true
	case s.Part == order.Credential, s.Part == order.Grant, s.Part == order.Service, s.Part == order.Account, s.Part == order.Front:
		return true
	}
	return false
}

func aboutEvent(e apply.Event) apply.About {
	return apply.About{Kind: e.Step, Part: e.Part, Peer: e.Peer, Claim: e.Claim}
}
