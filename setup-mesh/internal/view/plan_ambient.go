package view

import (
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

func gatewayAPIWords(changes []plan.Change) string {
	if symbolOf(changes) == "-" {
		return objectsWords(changes)
	}
	return "CRDs, standard channel " + desired.GatewayAPIVersion
}

// ambientGatewayLines word what becomes of the gateway of ambient pods, and of what tells
// where those of other clusters are.
func (v *planView) ambientGatewayLines(c *plan.Cluster, changes []plan.Change) []planLine {
	var lines []planLine
	var peers []string
	var about []plan.Change
	for _, ch := range changes {
		if ch.Part == order.PeerGateways {
			peers, about = append(peers, ch.Peer), append(about, ch)
			continue
		}
		words := ch.Object.Name
		if ch.Action == plan.Create {
			words = fmt.Sprintf("%s:%d, %s", ch.Object.Name, object.HBONEPort, whereReached(c))
		}
		lines = append(lines, componentLine(symbolOf([]plan.Change{ch}), order.AmbientGateway, words))
	}
	if len(peers) > 0 {
		words := "tells ztunnels where the gateway of " + few(peers) + " is"
		switch symbolOf(about) {
		case "~":
			words = "tells ztunnels that the gateway of " + few(peers) + " is elsewhere"
		case "-":
			words = "leaves it to " + few(peers) + " to say where the gateway is"
		}
		lines = append(lines, componentLine(symbolOf(about), order.AmbientGateway, words))
	}
	return lines
}

// whereReached is where topology.yaml says that a gateway is reached, if it does.
func whereReached(c *plan.Cluster) string {
	if len(c.Addresses) > 0 {
		return "reached at " + strings.Join(c.Addresses, ", ")
	}
	return "address known after apply"
}
