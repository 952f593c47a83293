package view

import (
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// gatewayLines words what becomes of an east-west gateway.
func (v *planView) gatewayLines(c *plan.Cluster, symbol string, changes []plan.Change) []planLine {
	lines := []planLine{{text: objectsWords(changes)}}
	switch symbol {
	case "+":
		lines = v.newGateway(c, changes)
	case "-":
		lines[0].text = oldGateway(changes)
	}
	lines[0].symbol, lines[0].text = symbol, componentLine(symbol, order.Gateway, lines[0].text).text
	for i := range lines[1:] {
		lines[i+1].indent = componentIndent
	}
	return lines
}

// newGateway words a gateway that is made, or has more to do: where it is
// reached, and whom it leads to istiod.
func (v *planView) newGateway(c *plan.Cluster, changes []plan.Change) []planLine {
	whole, exposes := has(changes, object.EastWestGateway), has(changes, object.CrossNetworkGateway)
	remotes := v.remotesOf(c.Name)
	leads := len(remotes) > 0 && has(changes, object.IstiodGateway)
	var lines []planLine
	switch {
	case whole:
		lines = append(lines, planLine{text: gatewayWords(c, exposes || !leads)})
	case exposes:
		lines = append(lines, planLine{text: "exposes services on port 15443"})
	case !leads:
		lines = append(lines, planLine{text: objectsWords(changes)})
	}
	if leads {
		lines = append(lines, planLine{
			text:  fmt.Sprintf("routes %s to istiod, on ports 15012 and 15017", few(remotes)),
			alike: "leads " + count(len(remotes), "cluster"),
		})
	}
	return lines
}

// oldGateway words the end of a gateway, or of what it did.
func oldGateway(changes []plan.Change) string {
	switch words := objectsWords(changes); {
	case has(changes, object.EastWestGateway):
		return words
	case has(changes, object.IstiodGateway):
		return "no longer routes clusters to istiod"
	default:
		return words + "; the gateway stays"
	}
}

// has says whether an object with that name is among changes.
func has(changes []plan.Change, name string) bool {
	return slices.ContainsFunc(changes, func(ch plan.Change) bool { return ch.Object.Name == name })
}

// gatewayWords is where a gateway is reached; its port is of interest only
// between networks.
func gatewayWords(c *plan.Cluster, exposed bool) string {
	name, address := object.EastWestGateway, c.Gateway.String()
	switch {
	case address == "":
		address = "known after apply"
	case !exposed:
		address = c.Gateway.WithoutPort()
	}
	if exposed {
		name += ":15443"
	}
	return name + ", address " + address
}
