package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A plan is the part of plan -o json that the tests look at.
type plan struct {
	Format   string    `json:"format"`
	Refusals []finding `json:"refusals"`
	Warnings []finding `json:"warnings"`
	Clusters []struct {
		Name      string  `json:"name"`
		Namespace string  `json:"namespace"`
		Leaving   bool    `json:"leaving"`
		Unreached string  `json:"unreached"`
		Manifest  []field `json:"manifest"`
		Changes   []struct {
			Component string  `json:"component"`
			Object    ref     `json:"object"`
			Action    string  `json:"action"`
			Blocked   string  `json:"blocked"`
			Fields    []field `json:"fields"`
		} `json:"changes"`
	} `json:"clusters"`
}

type field struct {
	Path string `json:"path"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

type finding struct {
	ID      string `json:"id"`
	Cluster string `json:"cluster"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

type ref struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (r ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// planJSON plans, and fails the test unless that exits with code.
func (u *user) planJSON(t testing.TB, code int, args ...string) plan {
	t.Helper()
	return decode[plan](t, u.run(t, code, append([]string{"plan", "-o", "json"}, args...)...))
}

// changes lists what the plan does to each cluster, as "update Secret istio-system/cacerts". Clusters in which nothing
// happens are left out.
func (p plan) changes() map[string][]string {
	out := map[string][]string{}
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			if ch.Action != "keep" {
				out[c.Name] = append(out[c.Name], fmt.Sprintf("%s %s", ch.Action, ch.Object))
			}
		}
		slices.Sort(out[c.Name])
	}
	return out
}

// changed compares two [cluster.versions] in the words of [plan.changes].
func changed(before, after map[string]string) []string {
	var out []string
	say := func(action, key string) {
		parts := strings.Split(key, "/")
		out = append(out, fmt.Sprintf("%s %s", action, ref{Kind: parts[1], Namespace: parts[2], Name: parts[3]}))
	}
	for key, was := range before {
		if now, ok := after[key]; !ok {
			say("delete", key)
		} else if now != was {
			say("update", key)
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			say("create", key)
		}
	}
	slices.Sort(out)
	return out
}

// withRecords is changes with the record of each cluster beside them. While objects change it does not vouch for them, so
// that an apply writes it also where it is the same in the end, and a plan does not list it.
func (p plan) withRecords(changes map[string][]string) map[string][]string {
	out := map[string][]string{}
	for _, c := range p.Clusters {
		list, there := changes[c.Name]
		if !there {
			continue
		}
		own := ref{Kind: "ConfigMap", Namespace: c.Namespace, Name: "setup-mesh"}.String()
		if !slices.ContainsFunc(list, func(one string) bool { return strings.HasSuffix(one, " "+own) }) {
			list = append(slices.Clone(list), "update "+own)
			slices.Sort(list)
		}
		out[c.Name] = list
	}
	return out
}

// manifests lists the differences of each cluster's IstioControlPlane, as "spec.profile: default -> minimal".
func (p plan) manifests() map[string][]string {
	out := map[string][]string{}
	for _, c := range p.Clusters {
		for _, f := range c.Manifest {
			out[c.Name] = append(out[c.Name], fmt.Sprintf("%s: %v -> %v", f.Path, f.Old, f.New))
		}
	}
	return out
}
