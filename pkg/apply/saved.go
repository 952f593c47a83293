package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// Digest is what two plans that do the same to the same objects have in
// common. Dates and addresses are no part of it, but for those at which remote
// clusters are to look for their primaries.
func (p *Plan) Digest() (string, error) {
	type change struct {
		Cluster, UID, Object, Action, Wanted, ObjectUID, Blocked, Address string
		Fields                                                            []compare.Field
	}
	var all []change
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			address := ""
			if ch.Component == order.Primaries {
				address = ch.Reason
			}
			all = append(all, change{c.Name, c.Member.UID, ch.Object.String(), string(ch.Action), ch.Wanted, ch.UID, ch.Blocked, address, ch.Fields})
		}
	}
	return hashOf(struct {
		Format, Mesh, Istio, Inputs string
		Teardown                    bool
		Changes                     []change
	}{p.Format, p.Mesh, p.Istio, p.Inputs, p.Teardown, all})
}

// A SavedPlan is a plan in a file. It holds digests, and no content of any
// Secret: to run it, the plan is made again and must come out the same.
type SavedPlan struct {
	*Plan
	Sum string `json:"digest"`
}

// Save encodes p.
func (p *Plan) Save() ([]byte, error) {
	sum, err := p.Digest()
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	return json.MarshalIndent(SavedPlan{p, sum}, "", "  ")
}

// ParseSaved decodes what Save wrote.
func ParseSaved(b []byte) (*SavedPlan, error) {
	var s SavedPlan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("decode the plan: %w", err)
	}
	if s.Plan == nil || s.Format != PlanFormat {
		return nil, fmt.Errorf("decode the plan: it is no plan of format %s", PlanFormat)
	}
	if slices.Contains(s.Clusters, nil) {
		return nil, errors.New("decode the plan: one of its clusters is null")
	}
	return &s, nil
}

// Stale says what has moved since s was saved, a line for each cluster that
// differs. No line at all means that now is s.
func (s *SavedPlan) Stale(now *Plan) ([]string, error) {
	sum, err := now.Digest()
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	if sum == s.Sum {
		return nil, nil
	}
	var out []string
	if s.Inputs != now.Inputs {
		out = append(out, "the files in the work directory, or this binary, are not those it was made with")
	}
	was := map[string]*ClusterPlan{}
	for _, c := range s.Clusters {
		was[c.Name] = c
	}
	for _, c := range now.Clusters {
		old := was[c.Name]
		delete(was, c.Name)
		switch {
		case old == nil:
			out = append(out, c.Name+": was not in it")
		case old.Unreached != c.Unreached:
			out = append(out, c.Name+": is reached in one of the two only")
		case old.UID != c.UID:
			out = append(out, c.Name+": context "+c.Context+" leads to another cluster now")
		case !sameJSON(old.Changes, c.Changes):
			out = append(out, c.Name+": "+firstDifference(old.Changes, c.Changes))
		}
	}
	for _, name := range sortedKeys(was) {
		out = append(out, name+": is not there any more")
	}
	if len(out) == 0 {
		out = append(out, "it was made for something else, or its digest is not of what is in it")
	}
	return out, nil
}

func firstDifference(old, now []Change) string {
	byRef := map[string]Change{}
	for _, c := range old {
		byRef[c.Object.String()] = c
	}
	for _, c := range now {
		o, ok := byRef[c.Object.String()]
		switch {
		case !ok:
			return fmt.Sprintf("%s is to %s now, and was not in it", c.Object, c.Action)
		case o.Action != c.Action:
			return fmt.Sprintf("%s is to %s now, and was to %s", c.Object, c.Action, o.Action)
		case !sameJSON(o, c):
			return fmt.Sprintf("%s is not what it was", c.Object)
		}
	}
	return "some objects are not in it any more"
}

// Digest stands for everything that an apply depends on beside the clusters:
// what is wanted, under which root, by which release of the binary.
func (d *Desired) Digest(release string) (string, error) {
	type cluster struct {
		Member record.Member
		Reads  []string
		Hashes []string
	}
	var all []cluster
	for _, c := range d.Clusters {
		one := cluster{Member: c.Member, Reads: c.Reads}
		for _, it := range c.Items {
			one.Hashes = append(one.Hashes, it.Hash)
		}
		all = append(all, one)
	}
	root := ""
	if d.Root != nil {
		root = d.Root.Fingerprint()
	}
	return hashOf([]any{release, d.MeshID, d.TrustDomain, root, all, d.SharedServices})
}
