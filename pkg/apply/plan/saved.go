package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A SavedPlan is a plan in a file. It holds digests, and no content of any
// Secret: to run it, the plan is made again, and must be the one that was read.
type SavedPlan struct {
	*Plan
	Sum string `json:"digest"` // of the JSON of the plan
}

// Save encodes p.
func (p *Plan) Save() ([]byte, error) {
	sum, err := desired.HashOf(p)
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	return json.MarshalIndent(SavedPlan{p, sum}, "", "  ")
}

// ParseSaved decodes what Save wrote, as it was written: any other content is an
// error.
func ParseSaved(b []byte) (*SavedPlan, error) {
	var s SavedPlan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("decode the plan: %w", err)
	}
	if s.Plan == nil || s.Format != Format {
		return nil, fmt.Errorf("decode the plan: its format is not %s", Format)
	}
	if slices.Contains(s.Clusters, nil) {
		return nil, errors.New("decode the plan: one of its clusters is null")
	}
	sum, err := desired.HashOf(s.Plan)
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	if sum != s.Sum {
		return nil, &AlteredError{}
	}
	return &s, nil
}

// An AlteredError says that a saved plan is not what was saved.
type AlteredError struct{}

func (*AlteredError) Error() string {
	return "the plan was changed after it was saved: its digest does not match"
}

// Remedy is what to do about it.
func (*AlteredError) Remedy() string { return "save a new plan and review it" }

// An essence is all of a plan that reaches a cluster. What is said about it to
// people is no part of it, and neither are dates of what will be minted.
type essence struct {
	Mesh, Istio, Inputs string
	Teardown            bool
	Clusters            []clusterEssence
	Steps               []Step
}

type clusterEssence struct {
	Member    record.Member
	Leaving   bool
	Unreached bool
	Changes   []changeEssence
}

type changeEssence struct {
	order.Subject
	Object         object.Ref
	Action         Action
	Fields         []compare.Field
	Wanted, UID    string
	From, Sends    string
	Blocked, Mint  bool
	Replace, LetGo bool
}

func (p *Plan) essence() essence {
	e := essence{Mesh: p.Mesh, Istio: p.Istio, Inputs: p.Inputs, Teardown: p.Teardown}
	for _, c := range p.Clusters {
		one := clusterEssence{Member: c.Member, Leaving: c.Leaving, Unreached: c.Unreached != ""}
		for _, ch := range c.Changes {
			one.Changes = append(one.Changes, ch.essence())
		}
		e.Clusters = append(e.Clusters, one)
	}
	for _, s := range p.Steps {
		if s.Blocked != "" {
			s.Blocked = "blocked"
		}
		e.Steps = append(e.Steps, s)
	}
	return e
}

func (c Change) essence() changeEssence {
	if !c.Mint {
		c.Sends = "" // nothing is said
	}
	return changeEssence{
		Subject: c.Subject, Object: c.Object, Action: c.Action, Fields: c.Fields, Wanted: c.Wanted, UID: c.UID,
		From: c.From, Sends: c.Sends, Blocked: c.Blocked != "", Mint: c.Mint, Replace: c.Replace, LetGo: c.LetGo,
	}
}

// Stale says what has moved since s was saved, a line for each cluster that
// differs. No line at all means that now is s.
func (s *SavedPlan) Stale(now *Plan) []string {
	was, is := s.essence(), now.essence()
	if sameJSON(was, is) {
		return nil
	}
	var out []string
	if s.Inputs != now.Inputs {
		out = append(out, "the files in the work directory, or setup-mesh itself, have changed since the plan was made")
	}
	old := map[string]*Cluster{}
	for _, c := range s.Clusters {
		old[c.Name] = c
	}
	for _, c := range now.Clusters {
		before := old[c.Name]
		delete(old, c.Name)
		if why := moved(before, c); why != "" {
			out = append(out, c.Name+": "+why)
		}
	}
	for _, name := range object.SortedKeys(old) {
		out = append(out, name+": is no longer part of the mesh")
	}
	if len(out) == 0 {
		out = append(out, "it was made by another command, or with other flags")
	}
	return out
}

// moved is what differs between one cluster's share of two plans, "" for nothing.
func moved(was, is *Cluster) string {
	switch {
	case was == nil:
		return "was not part of the plan"
	case was.Unreached == "" && is.Unreached != "":
		return "was reachable then, and is not now"
	case was.Unreached != "" && is.Unreached == "":
		return "was not reachable then, and is now"
	case was.UID != is.UID:
		return "context " + is.Context + " now points to a different cluster"
	case !sameJSON(was.Member, is.Member):
		return "its place in the mesh has changed"
	case !slices.Equal(was.Addresses, is.Addresses):
		return fmt.Sprintf("its gateway.addresses were %s then, and are %s now", orNone(was.Addresses), orNone(is.Addresses))
	}
	return firstDifference(was.Changes, is.Changes)
}

func orNone(list []string) string { return cmp.Or(strings.Join(list, ", "), "(none)") }

func firstDifference(old, now []Change) string {
	byRef := map[object.Ref]Change{}
	for _, c := range old {
		byRef[c.Object] = c
	}
	for _, c := range now {
		o, ok := byRef[c.Object]
		delete(byRef, c.Object)
		switch {
		case !ok:
			return fmt.Sprintf("%s: %s now, not in the plan", c.Object, c.Action)
		case o.Action != c.Action:
			return fmt.Sprintf("%s: %s now, %s in the plan", c.Object, c.Action, o.Action)
		case o.Mint && c.Mint && o.Sends != c.Sends:
			return fmt.Sprintf("%s would lead elsewhere: %s -> %s", c.Object, o.Sends, c.Sends)
		case !sameJSON(o.essence(), c.essence()):
			return fmt.Sprintf("%s has changed since the plan was made", c.Object)
		}
	}
	for _, c := range old {
		if _, missing := byRef[c.Object]; missing {
			return fmt.Sprintf("%s: %s in the plan, not now", c.Object, c.Action)
		}
	}
	return ""
}
