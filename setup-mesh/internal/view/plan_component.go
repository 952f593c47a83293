package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// componentIndent is where the words of a component begin.
const componentIndent = len("+ ") + 17 + len("  ")

func componentLine(symbol string, comp order.Component, text string) planLine {
	return planLine{symbol: symbol, text: fmt.Sprintf("%-17s  %s", comp, text)}
}

// component words the changes of one component.
func (v *planView) component(c *plan.Cluster, comp order.Component, changes []plan.Change) []planLine {
	var known, unknown, waiting []plan.Change
	for _, ch := range changes {
		switch {
		case ch.Action == plan.Unknown:
			unknown = append(unknown, ch)
		case ch.Blocked != "" && slices.Contains(order.Rendered(), comp):
			waiting = append(waiting, ch)
		default:
			known = append(known, ch)
		}
	}
	var lines []planLine
	if len(known) > 0 {
		lines = v.knownComponent(c, comp, known)
	}
	lines = append(lines, waitingLines(comp, waiting)...)
	return append(lines, unreadLines(comp, unknown)...)
}

// unreadLines say what of a component could not be read, and why; the reason is
// mostly the same for all.
func unreadLines(comp order.Component, unknown []plan.Change) []planLine {
	if len(unknown) == 0 {
		return nil
	}
	lines := []planLine{
		componentLine("x", comp, unreadWords(len(unknown))),
		{indent: componentIndent, text: unknown[0].Blocked},
	}
	if unknown[0].Hint != "" {
		lines = append(lines, planLine{indent: componentIndent, text: fixLabel + unknown[0].Hint})
	}
	return lines
}

func unreadWords(n int) string {
	if n == 1 {
		return "1 object could not be read and is left unchanged:"
	}
	return count(n, "object") + " could not be read and are left unchanged:"
}

// knownComponent words the changes of one component that was read.
func (v *planView) knownComponent(c *plan.Cluster, comp order.Component, changes []plan.Change) []planLine {
	symbol := symbolOf(changes)
	switch comp {
	case order.Certificate:
		return certificateLines(c, symbol, changes[0])
	case order.ControlPlane:
		return v.controlPlaneLines(c, symbol, changes)
	case order.Primaries:
		return v.primaries(changes)
	case order.Gateway:
		return v.gatewayLines(c, symbol, changes)
	case order.RemoteAccess:
		return v.remoteAccess(c, changes)
	case order.SharedServices:
		return sharedLines(changes)
	case order.Injection, order.Ambient:
		return labelLines(comp, changes)
	case order.GatewayAPI:
		return []planLine{componentLine(symbol, comp, gatewayAPIWords(changes))}
	case order.AmbientGateway:
		return v.ambientGatewayLines(c, changes)
	case order.Bookkeeping:
		return []planLine{componentLine(symbol, comp, firstReason(changes, "members and objects of the mesh"))}
	}
	return []planLine{componentLine(symbol, comp, objectsWords(changes))}
}

// certificateLines words the intermediate that will be there, and under it why
// the one that is there has to go.
func certificateLines(c *plan.Cluster, symbol string, ch plan.Change) []planLine {
	facts := "intermediate CA, "
	if !c.NotAfter.IsZero() {
		facts += "until " + c.NotAfter.Format(time.DateOnly) + ", "
	}
	facts += "root " + c.RootFingerprint
	switch {
	case c.Imported:
		facts += ", imported"
	case c.Outside:
		facts += ", signed by the sign command"
	case c.Issuer != "":
		facts += ", signed by " + c.Issuer
	}
	switch {
	case ch.Blocked != "":
		return []planLine{componentLine(symbol, ch.Component, ch.Blocked)}
	case ch.Action == plan.Delete:
		return []planLine{componentLine(symbol, ch.Component, "workloads get theirs from "+few(c.Primaries))}
	case ch.Theirs != "":
		return []planLine{{indent: 2, text: componentLine("", ch.Component, "kept: "+facts+", made by "+ch.Theirs).text}}
	case ch.Reason != "" && !ch.Mint:
		return []planLine{componentLine(symbol, ch.Component, "kept: "+facts), {indent: componentIndent, text: ch.Reason}}
	case ch.Reason != "":
		return []planLine{componentLine(symbol, ch.Component, "new "+facts), {indent: componentIndent, text: ch.Reason}}
	case ch.Action == plan.Update:
		return []planLine{componentLine(symbol, ch.Component, count(len(ch.Fields), "field"))}
	}
	return []planLine{componentLine(symbol, ch.Component, facts)}
}

// controlPlaneLines words the differences of the IstioControlPlane, and how many
// of the objects behind it change. Where the role changes nearly all is
// different, and the role says why.
func (v *planView) controlPlaneLines(c *plan.Cluster, symbol string, changes []plan.Change) []planLine {
	switch {
	case c.New:
		return []planLine{componentLine(symbol, order.ControlPlane, fmt.Sprintf("profile %s, %s", c.Profile, count(len(changes), "object")))}
	case changesRole(c) && !v.objects:
		return []planLine{componentLine("~", order.ControlPlane, fmt.Sprintf("profile %s, %s", profileChange(c), count(len(changes), "object")))}
	}
	var lines []planLine
	for _, f := range c.Manifest {
		words := fieldWords(f)
		if f.Source != "" {
			words += "   " + f.Source
		}
		lines = append(lines, componentLine("~", order.ControlPlane, words))
	}
	behind := objectsWords(changes)
	if len(changes) > 1 {
		behind += " behind it"
	}
	if len(lines) == 0 {
		if reason := firstReason(changes, ""); reason != "" {
			behind += ": " + reason
		}
	}
	return append(lines, componentLine(symbol, order.ControlPlane, behind))
}

// objectsWords names the object if there is one, and counts them otherwise.
func objectsWords(changes []plan.Change) string {
	if len(changes) == 1 {
		return changes[0].Object.String()
	}
	return count(len(changes), "object")
}

// profileChange is the profile that was applied, and the one that will be.
func profileChange(c *plan.Cluster) string {
	for _, f := range c.Manifest {
		if f.Path == "spec.profile" && f.Old != nil {
			return fmt.Sprintf("%v -> %s", f.Old, c.Profile)
		}
	}
	return c.Profile
}

// symbolOf is the symbol of changes taken together.
func symbolOf(changes []plan.Change) string {
	symbols := map[plan.Action]string{plan.Create: "+", plan.Update: "~", plan.Delete: "-", plan.Unknown: "x", plan.Keep: " "}
	symbol := symbols[changes[0].Action]
	for _, ch := range changes {
		if ch.Blocked != "" {
			return "x"
		}
		if symbols[ch.Action] != symbol {
			symbol = "~"
		}
	}
	return symbol
}

func firstReason(changes []plan.Change, otherwise string) string {
	for _, ch := range changes {
		switch {
		case ch.Blocked != "":
			return ch.Blocked
		case ch.Reason != "":
			return ch.Reason
		}
	}
	return otherwise
}

// fieldWords words a difference: values where they are short, and what became
// of the field where they are not.
func fieldWords(f compare.Field) string {
	old, fitsOld := value(f.Old)
	now, fitsNow := value(f.New)
	switch {
	case fitsOld && fitsNow:
		return fmt.Sprintf("%s: %s -> %s", f.Path, old, now)
	case f.Old == nil:
		return f.Path + ": added"
	case f.New == nil:
		return f.Path + ": removed"
	}
	return f.Path + ": changed"
}

// value is a field's value, and whether it is short enough for a line.
func value(v any) (string, bool) {
	const most = 60
	switch v := v.(type) {
	case nil:
		return "(none)", true
	case map[string]any, []any:
		return "", false
	default:
		s := fmt.Sprint(v)
		return s, len(s) <= most && !strings.Contains(s, "\n")
	}
}
