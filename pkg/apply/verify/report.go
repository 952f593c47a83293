package verify

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Format is the version of a [Report]'s JSON.
const Format = "setup-mesh.io/verify/v1"

// A Report says who answered whom.
type Report struct {
	Format    string    `json:"format"`
	Mesh      string    `json:"mesh"`
	Namespace string    `json:"namespace"`
	Ambient   bool      `json:"ambient,omitempty"` // through the proxies of nodes
	Calls     int       `json:"calls"`             // of the client of each cluster
	Clusters  []Member  `json:"clusters"`
	Pairs     []Called  `json:"pairs"`
	Problems  []Problem `json:"problems"`
	Kept      bool      `json:"kept,omitempty"` // everything is still there
	// Interrupted says that it was ended before it was through.
	Interrupted bool `json:"interrupted,omitempty"`
}

// proxies are what calls go through.
func (o Options) proxies() string {
	if o.Ambient {
		return "ztunnels"
	}
	return "proxies"
}

// A Member is one cluster.
type Member struct {
	Name    string `json:"name"`
	Network string `json:"network"`
	Version string `json:"version"`         // of the helloworld in it
	Error   string `json:"error,omitempty"` // why it takes no part
}

// Called is what came of the calls of one cluster's client that another's pods answered.
type Called struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Expected bool   `json:"expected"` // by the topology
	Answers  int    `json:"answers"`
	// Via are the addresses that the caller's proxy sent the calls to: pods, or the
	// gateway of another network. Empty where that is not known, as of ztunnels.
	Via []string `json:"via,omitempty"`
	// Security is what the proxy of the pod says of the connection: mutual_tls or none,
	// "" where it says nothing. Client and Server are the identities.
	Security string `json:"security,omitempty"`
	Client   string `json:"client,omitempty"`
	Server   string `json:"server,omitempty"`
}

// A Problem is something between two clusters, or about one.
type Problem struct {
	From    string `json:"from"`
	To      string `json:"to,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// OK says whether everything is as the topology says.
func (r *Report) OK() bool { return len(r.Problems) == 0 && !r.Interrupted }

// interrupt forgets what was seen: calls that were not made are not answered either.
func (r *Report) interrupt() {
	r.Pairs, r.Problems, r.Interrupted = []Called{}, []Problem{}, true
}

func (r *Report) problems(more []Problem) { r.Problems = append(r.Problems, more...) }

func (v *verification) report() *Report {
	r := &Report{Format: Format, Mesh: v.mesh.ID, Namespace: v.options.Namespace, Ambient: v.options.Ambient, Calls: v.n, Clusters: []Member{}, Pairs: []Called{}, Problems: []Problem{}}
	expected, answers := pairsOf(v.mesh), v.answers()
	for i, c := range v.mesh.Clusters {
		m := Member{Name: c.Name, Network: c.Network, Version: versionOf(i)}
		if err := v.errs[i]; err != nil {
			m.Error = err.Error()
			r.Problems = append(r.Problems, Problem{From: c.Name, Message: fmt.Sprintf("%s takes no part: %v", c.Name, err),
				Hint: cmp.Or(object.HintOf(err), explained(c.Name, c.Name))})
		} else {
			r.Problems = append(r.Problems, v.uninjected(i)...)
			r.Problems = append(r.Problems, v.unasked(i)...)
		}
		r.Clusters = append(r.Clusters, m)
	}
	for i, from := range v.mesh.Clusters {
		for j, to := range v.mesh.Clusters {
			pair := Pair{from.Name, to.Name}
			n, asked := answers[pair]
			if !asked {
				continue
			}
			one := Called{From: from.Name, To: to.Name, Expected: expected[pair], Answers: n}
			if n > 0 {
				one.Via = v.addresses(i, j, true)
				one.Security, one.Client, one.Server = v.seen(from.Name, j, answersOf(answers, to.Name))
			}
			r.Pairs = append(r.Pairs, one)
			if p := v.judge(one, i, j); p != nil {
				r.Problems = append(r.Problems, *p)
			}
		}
	}
	return r
}

// uninjected are the pods of a cluster without a proxy: what they do proves nothing.
func (v *verification) uninjected(i int) []Problem {
	p := v.places[i]
	for _, one := range append([]pod{p.client}, p.servers...) {
		if !one.injected && v.options.Ambient {
			return []Problem{{From: p.name, Message: fmt.Sprintf("the pods of %s are not in the mesh: no node agent has taken namespace %s in", p.name, v.options.Namespace),
				Hint: "setup-mesh status says whether node agents and ztunnels run on every node"}}
		}
		if !one.injected {
			return []Problem{{From: p.name, Message: fmt.Sprintf("the pods of %s have no proxy: nothing injects namespace %s", p.name, v.options.Namespace),
				Hint: "setup-mesh status says why pods are not injected"}}
		}
	}
	return nil
}

// unasked is a cluster whose client could not be asked, and so proves nothing either.
func (v *verification) unasked(i int) []Problem {
	if !v.called[i].silent() {
		return nil
	}
	err := v.called[i].err
	return []Problem{{From: v.places[i].name, Message: fmt.Sprintf("no calls could be made from %s: %v", v.places[i].name, err),
		Hint: cmp.Or(object.HintOf(err), "verify needs create on pods/exec in namespace "+v.options.Namespace)}}
}

// judge says what is wrong with the calls of the i-th cluster that the j-th should answer,
// or should not; nil for nothing.
func (v *verification) judge(c Called, i, j int) *Problem {
	p := &Problem{From: c.From, To: c.To}
	switch {
	case c.Expected && c.Answers == 0:
		p.Message, p.Hint = fmt.Sprintf("%s is not answered by %s", c.From, c.To), explained(c.From, c.To)
		if why := v.because(i, j); why != "" {
			p.Message += ": " + why
		}
		if i == j && v.sent[i] != nil && len(v.addresses(i, j, false)) == 0 {
			p.Hint = "where base.yaml has discoverySelectors, name a label that they ask for with --namespace-label; otherwise see setup-mesh status"
		}
		if wrong := v.called[i].wrong; wrong != "" {
			p.Message += fmt.Sprintf("; the client in %s got: %s", c.From, wrong)
		}
	case !c.Expected && c.Answers > 0:
		p.Message = fmt.Sprintf("%s is answered by %s, which by topology.yaml it does not discover", c.From, c.To)
		p.Hint = "setup-mesh plan shows what else is not as topology.yaml says"
	case c.Security == "none":
		p.Message = fmt.Sprintf("the calls from %s reach %s without mutual TLS", c.From, c.To)
		p.Hint = "look for a PeerAuthentication or DestinationRule that turns it off"
		if v.options.Ambient {
			p.Hint = "setup-mesh status says whether ztunnels run on every node"
		}
	default:
		return nil
	}
	return p
}

// explained is how to find out why one cluster is not answered by another, or by itself.
func explained(from, to string) string {
	if from == to {
		return "setup-mesh status says what is wrong with " + from
	}
	return fmt.Sprintf("setup-mesh status --from %s --to %s says what is wrong between the two", from, to)
}

// because is what the client's proxy says of a cluster that does not answer, "" where it
// does not say anything of it.
func (v *verification) because(i, j int) string {
	if v.sent[i] == nil {
		return ""
	}
	ways := v.addresses(i, j, false)
	if len(ways) == 0 {
		return fmt.Sprintf("the %s of %s are told no address of %s", v.options.proxies(), v.places[i].name, v.places[j].name)
	}
	failed := 0
	for _, a := range ways {
		failed += v.sent[i][a].failed
	}
	if failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d connections to %s failed", failed, strings.Join(ways, ", "))
}

// addresses are those at which the proxy of the client of one cluster finds the pods of
// another, or of these the ones that it has sent something to. Pods of other networks are
// behind gateways, and their own addresses may be those of pods here.
func (v *verification) addresses(i, j int, used bool) []string {
	near := func(c int) bool { return v.mesh.Clusters[c].Network == v.mesh.Clusters[i].Network }
	pods := map[string]bool{}
	for k, p := range v.places {
		for _, s := range p.servers {
			if near(k) && (!near(j) || k == j) {
				pods[s.ip] = true
			}
		}
	}
	var out, gateways []string
	for _, a := range slices.Sorted(maps.Keys(v.sent[i])) {
		host, _, err := net.SplitHostPort(a)
		switch {
		case err != nil || used && v.sent[i][a].sent == 0:
		case near(j) && pods[host]:
			out = append(out, a)
		case !near(j) && !pods[host]:
			gateways = append(gateways, a)
			if v.gateways[j][host] {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 && (used || !numeric(v.gateways[j])) {
		return gateways // one of them: which one, is not known
	}
	return out
}

// numeric says whether the addresses are known, and none by its name only.
func numeric(addresses map[string]bool) bool {
	for a := range addresses {
		if net.ParseIP(a) == nil {
			return false
		}
	}
	return len(addresses) > 0
}

// answersOf are how many calls the pods of a cluster answered.
func answersOf(answers map[Pair]int, to string) int {
	n := 0
	for pair, calls := range answers {
		if pair.To == to {
			n += calls
		}
	}
	return n
}

// seen is what the proxies of a cluster, which answered so many calls in all, say of requests
// from another. Where some came without mutual TLS, it is these.
func (v *verification) seen(from string, j, answered int) (security, client, server string) {
	if v.options.Ambient {
		return v.tunnelled(from, j, answered)
	}
	for _, k := range kindsOf(v.served[j]) {
		if k.cluster == from && security != "none" {
			security, client, server = k.security, k.client, k.server
		}
	}
	return security, client, server
}
