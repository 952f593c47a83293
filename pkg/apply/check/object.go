package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDSetBack is the check for objects that somebody sets back after every apply.
const IDSetBack = "objects/set-back"

// objectChecks are about objects that are not as an apply needs them.
func objectChecks() []Check {
	return []Check{
		{ID: "objects/managed-by-others", Severity: Refuses, Applies: Stays, Judge: judgeManaged},
		{ID: "objects/accepted", Severity: Refuses, Applies: Stays, Judge: judgeAccepted},
		{ID: IDSetBack, Severity: Warns, Applies: Joined, Judge: judgeSetBack},
		{ID: "objects/kept", Severity: Warns, Applies: reached, Judge: judgeKept},
		{ID: "namespaces/there", Severity: Refuses, Asks: []Question{AskNamespaces}, Applies: needsNamespaces, Judge: judgeNamespaces},
		{ID: "namespaces/ending", Severity: Warns, Applies: Stays, Judge: judgeEnding},
	}
}

// foreign are the wanted objects of c that somebody else manages and that cannot be kept
// as they are, by whom.
func foreign(c *plan.Cluster) map[string][]object.Ref {
	out := map[string][]object.Ref{}
	for _, ch := range c.Changes {
		if ch.Item == nil || ch.Theirs != "" {
			continue
		}
		if by := object.Strangers(ch.Object, c.Live.Object(ch.Object)); by != "" {
			out[by] = append(out[by], ch.Object)
		}
	}
	return out
}

// judgeManaged refuses what belongs to others, once for each owner. What belongs
// to an Istio of somebody else is refused with that.
func judgeManaged(e *Evidence, c *plan.Cluster) []plan.Finding {
	if e.Plan.Options.Adopt {
		return nil
	}
	other := e.replaced(c)
	foreign := foreign(c)
	var out []plan.Finding
	for _, by := range object.SortedKeys(foreign) {
		if other != nil && other.manages(by) {
			continue
		}
		refs := foreign[by]
		message := fmt.Sprintf("%s: managed by %s, not by setup-mesh", andMore(refs), by)
		if slices.Contains(refs, cacerts(c)) {
			message += notKept(e, c)
		}
		out = append(out, plan.Finding{Object: refs[0], Manager: by, Message: message, Hint: "find out what installed it; apply --adopt takes it over"})
	}
	return out
}

// notKept is why the intermediate of somebody else is not used.
func notKept(e *Evidence, c *plan.Cluster) string {
	i, ok := c.Item(cacerts(c)).Late.(*desired.Intermediate)
	if !ok {
		return ""
	}
	return "; " + cacerts(c).String() + " cannot be kept: " + i.Judge(e.Plan.World, c.Live.Object(cacerts(c)))
}

// andMore names the first of refs and counts the others.
func andMore(refs []object.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	if len(refs) == 2 {
		return fmt.Sprintf("%s and 1 more object", refs[0])
	}
	return fmt.Sprintf("%s and %d more objects", refs[0], len(refs)-1)
}

// judgeAccepted refuses what the API server refused in a dry run. Where that is
// for want of a permission which is asked for anyway, one finding is enough.
func judgeAccepted(e *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ch := range c.Changes {
		err := c.Live.Objects[ch.Object].DryErr
		if ch.Item == nil || err == nil || ch.Replace || plan.Unvalidated(ch.Part, err) || e.lacks(c, ch.Object, err) || claim(c, ch) != "" {
			continue
		}
		hint := object.HintOf(err)
		if object.Immutable(err) {
			hint = fmt.Sprintf("this field cannot be changed on an existing object: delete %s, then apply again", ch.Object)
		}
		out = append(out, plan.Finding{Object: ch.Object, Message: err.Error(), Hint: hint})
	}
	return out
}

// lacks says whether a refused dry run is explained by what the user of c was
// found to lack.
func (e *Evidence) lacks(c *plan.Cluster, ref object.Ref, err error) bool {
	seen := e.inspection[c.Name]
	return seen != nil && object.ClassOf(err) == object.Forbidden && (slices.Contains(seen.Missing, object.AccessTo("patch", ref)) ||
		IsRole(ref) && slices.Contains(seen.Missing, object.AccessTo("escalate", ref)))
}

// judgeSetBack names who changes an object again and again that applies set back.
func judgeSetBack(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ch := range c.Changes {
		before := c.Live.Record.Of(ch.Object).SetBack
		again := slices.DeleteFunc(slices.Clone(ch.Managers), func(m string) bool { return !slices.Contains(before, m) })
		if len(again) == 0 {
			continue
		}
		by := strings.Join(again, ", ")
		out = append(out, plan.Finding{
			Object: ch.Object, Manager: by,
			Message: fmt.Sprintf("%s: an earlier apply reset it, and %s has changed it again: %s", ch.Object, by, fieldPaths(ch)),
			Hint:    "if a policy or a controller does this, exempt the object from it, or set the same values in base.yaml",
		})
	}
	return out
}

func fieldPaths(ch plan.Change) string {
	const most = 3
	var paths []string
	for _, f := range ch.Fields {
		paths = append(paths, f.Path)
	}
	if n := len(paths) - most; n > 0 {
		paths = append(paths[:most], fmt.Sprintf("%d more fields", n))
	}
	return strings.Join(paths, ", ")
}

func judgeKept(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ref := range c.Yielded {
		out = append(out, plan.Finding{Object: ref, Message: fmt.Sprintf("%s was installed by setup-mesh, but others manage it now: it is kept", ref)})
	}
	return out
}

// StrangeNamespaces are those that objects are to be created in, and that are
// neither wanted nor known to be there; sorted.
func StrangeNamespaces(c *plan.Cluster) []string {
	known, out := map[string]bool{"": true, c.Namespace: true}, map[string]bool{}
	for ref, seen := range c.Live.Objects {
		if seen.Object != nil {
			known[ref.Namespace] = true
		}
	}
	for _, ch := range c.Changes {
		if ch.Object.Kind == "Namespace" {
			known[ch.Object.Name] = true
		}
	}
	for _, ch := range c.Changes {
		if ch.Action == plan.Create && !known[ch.Object.Namespace] {
			out[ch.Object.Namespace] = true
		}
	}
	return object.SortedKeys(out)
}

func needsNamespaces(e *Evidence, c *plan.Cluster) bool {
	return Stays(e, c) && len(StrangeNamespaces(c)) > 0
}

func judgeNamespaces(e *Evidence, c *plan.Cluster) []plan.Finding {
	seen := e.inspection[c.Name]
	if seen == nil {
		return nil
	}
	var out []plan.Finding
	for _, name := range object.SortedKeys(seen.Namespaces) {
		f := plan.Finding{Object: object.NamespaceRef(name)}
		switch there := seen.Namespaces[name]; {
		case there.Err != nil:
			f = plan.Unanswered(there.Err, fmt.Sprintf("could not read namespace %s, in which objects have to be created: %v", name, there.Err))
			f.Object = object.NamespaceRef(name)
		case there.Object == nil:
			f.Message, f.Hint = fmt.Sprintf("namespace %s does not exist, but objects have to be created in it", name), fmt.Sprintf("kubectl --context %s create namespace %s", c.Context, name)
		case there.Object.GetDeletionTimestamp() != nil:
			f.Message = fmt.Sprintf("namespace %s is being deleted, but objects have to be created in it", name)
			f.Hint = "wait until it is gone, then create it again"
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

func judgeEnding(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var names []string
	for ref := range c.Live.Ending {
		names = append(names, ref.Name)
	}
	slices.Sort(names)
	var out []plan.Finding
	for _, name := range names {
		out = append(out, plan.Finding{
			Object:  object.NamespaceRef(name),
			Message: fmt.Sprintf("namespace %s is being deleted: apply waits until it is gone, and creates it again", name),
			Hint:    fmt.Sprintf("kubectl --context %s get namespace %s -o yaml shows what is holding it", c.Context, name),
		})
	}
	return out
}
