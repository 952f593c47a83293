package simulate

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A history is what happens to some clusters, as data: parts of it can be left
// out, and the rest still makes sense.
type history struct {
	Seed   uint64
	Size   int    // clusters at the start
	Start  []mesh // one for each mesh ID
	Slow   []time.Duration
	Rounds []round
}

// A round is an apply, and what comes before it, along with it and after it.
type round struct {
	Mesh     int     `json:",omitempty"`
	Teardown bool    `json:",omitempty"`
	Edits    []edit  `json:",omitempty"`
	Outside  []deed  `json:",omitempty"` // before the apply
	Faults   []fault `json:",omitempty"`
	During   []deed  `json:",omitempty"`
	Rival    *rival  `json:",omitempty"`
	Asleep   *nap    `json:",omitempty"`
	Timeout  time.Duration
	Pause    time.Duration // afterwards
	Adopt    bool          `json:",omitempty"`
	Renew    bool          `json:",omitempty"` // all tokens, after the apply
}

// A rival is a second apply beside the first.
type rival struct {
	At  time.Duration
	Old bool // it knows the files as they were before the edits
}

// A nap suspends the process of the apply.
type nap struct{ At, For time.Duration }

// most is how many clusters a history has in the end.
const most = 6

// generate makes the history of a seed.
func generate(seed uint64) history {
	r := rand.New(rand.NewPCG(seed, 2))
	// Small meshes show most of what there is to see, and cost little.
	h := history{Seed: seed, Size: 1 + min(r.IntN(6), r.IntN(6))}
	networks := 1 + r.IntN(3)
	for i, id := range meshIDs {
		m := mesh{ID: id, Namespace: "istio-system", Trace: 1}
		if i == 0 {
			for c := range h.Size {
				m.Members = append(m.Members, member{Cluster: clusterName(c), Context: clusterName(c), Name: clusterName(c), Network: networkName(r.IntN(networks))})
			}
			for c := 1; c < h.Size; c++ {
				if r.IntN(2) == 0 {
					m.Members[c].Primaries = somePrimaries(r, m, c)
				}
			}
			if r.IntN(4) == 0 {
				m.Shared = []string{"shop"}
			}
			if r.IntN(4) == 0 {
				m.Injected = []string{"shop"}
			}
			m.mend()
		}
		h.Start = append(h.Start, m)
	}
	for range most {
		h.Slow = append(h.Slow, time.Duration(r.IntN(4)*r.IntN(3))*time.Second)
	}
	n, renews := 3+min(r.IntN(10), r.IntN(10)), rand.New(rand.NewPCG(seed, 3))
	for i := range n {
		h.Rounds = append(h.Rounds, randomRound(r, i == 0))
		h.Rounds[i].Renew = renews.IntN(5) == 0 // of their own, so that seeds stay what they were
	}
	h.rotating()
	h.ambient()
	return h
}

func clusterName(i int) string { return string(rune('a' + i)) }
func networkName(i int) string { return "net-" + string(rune('1'+i)) }

func somePrimaries(r *rand.Rand, m mesh, of int) []string {
	var out []string
	for range 1 + r.IntN(2) {
		out = append(out, m.Members[r.IntN(of)].Cluster)
	}
	return out
}

func randomRound(r *rand.Rand, first bool) round {
	one := round{Timeout: 90 * time.Second, Pause: pauses[r.IntN(len(pauses))], Adopt: r.IntN(4) == 0}
	chance := func(n int) bool { return r.IntN(n) == 0 }
	if !first {
		for range r.IntN(3) + r.IntN(2) {
			one.Edits = append(one.Edits, randomEdit(r))
		}
		if chance(25) {
			one.Teardown = true
		}
		if chance(3) {
			one.Outside = append(one.Outside, randomDeed(r))
		}
	}
	if chance(2) {
		for range 1 + r.IntN(2) {
			one.Faults = append(one.Faults, randomFault(r))
		}
	}
	if chance(6) {
		d := randomDeed(r)
		d.At = time.Duration(r.IntN(12000)) * time.Millisecond
		one.During = append(one.During, d)
	}
	if chance(12) {
		one.Rival = &rival{At: time.Duration(r.IntN(8000)) * time.Millisecond, Old: chance(2)}
	}
	if chance(20) {
		one.Asleep = &nap{At: time.Duration(r.IntN(6000)) * time.Millisecond, For: time.Duration(10+r.IntN(60)) * time.Second}
	}
	if chance(8) {
		one.Mesh = 1
	}
	if chance(8) {
		one.Timeout = time.Duration(1+r.IntN(20)) * time.Second
	}
	return one
}

var pauses = []time.Duration{
	2 * time.Second, 5 * time.Second, 20 * time.Second, 40 * time.Second, 40 * time.Second, 5 * time.Minute, time.Hour, 20 * 24 * time.Hour, 130 * 24 * time.Hour,
}

// An edit is a change that a user makes to the files or the kubeconfig. What the
// numbers choose depends on how the mesh is then.
type edit struct {
	Kind    string
	A, B, C int
}

// edits are all kinds, as often as they are to come up.
var edits = []string{
	"add", "add", "add", "remove", "remove", "remove", "context", "context", "name", "network", "network",
	"role", "role", "role", "role", "primaries", "primaries", "primaries", "primaries", "namespace", "account", "account",
	"shared", "inject", "inject", "address", "note", "server", "apart", "apart", "trace", "env", "strict", "overlay", "move", "order",
}

func randomEdit(r *rand.Rand) edit {
	return edit{Kind: edits[r.IntN(len(edits))], A: r.IntN(1 << 16), B: r.IntN(1 << 16), C: r.IntN(1 << 16)}
}

// short is as much of a history as costs little: at least three rounds, and fewer
// the more clusters there are; more than three at the start are rare.
func (h history) short() history {
	if h.Seed%20 > 0 {
		h.Size = min(h.Size, 3)
		h.Start = slices.Clone(h.Start)
		h.Start[0] = h.Start[0].clone()
		h.Start[0].Members = h.Start[0].Members[:h.Size]
		h.Start[0].mend()
	}
	h.Rounds = h.Rounds[:min(len(h.Rounds), max(3, 6-h.Size))]
	return h
}
