// Package graph draws a mesh: its networks as boxes, the clusters in them, who
// discovers whom and who serves whom, and what is wrong with that.
//
// [New] makes a [Graph] of what topology.yaml says and, where the clusters were asked,
// of their status. Each format is a function of a Graph, in a file of its own: [SVG],
// [HTML], [Mermaid] and [DOT]. Nothing here asks anybody, and the same Graph gives the
// same bytes.
//
// Names and reasons come from files and clusters. New takes out what no drawing can
// hold, such as control characters, and each format escapes the rest its own way.
package graph

import "github.com/setup-mesh/setup-mesh/pkg/apply/plan"

// A State is what is known of something drawn.
type State string

// The states. Each has a mark of its own, so that nothing depends on colour.
const (
	Planned State = "planned" // topology.yaml asks for it, and nobody was asked
	OK      State = "ok"
	Broken  State = "broken"
	Unknown State = "unknown" // the answer could not be had
)

// quiet says that there is nothing to say about s.
func (s State) quiet() bool { return s == Planned || s == OK }

// A Kind is what an arrow says.
type Kind string

// The kinds of arrows.
const (
	Discovers Kind = "discovers" // the istiods of one cluster read the other
	Serves    Kind = "serves"    // one cluster is a control plane of the other
)

// A Graph is a mesh as it is drawn.
type Graph struct {
	Mesh     string
	Live     bool // the clusters were asked
	Networks []Network
	Clusters []Cluster // in the order of topology.yaml, then those that leave
	// Arrows are sorted by the clusters that they come from, those that they lead to,
	// and their kinds.
	Arrows   []Arrow
	Problems []plan.Finding
}

// A Network has clusters whose pods reach each other directly.
type Network struct {
	Name     string
	Clusters []int // indices of Graph.Clusters
}

// A Cluster is one box.
type Cluster struct {
	Name, Context, Network string
	Role                   string   // as in record.Member
	Primaries              []string // of a remote cluster
	Leaving                bool     // topology.yaml does not name it
	State                  State
	Reason                 string    // of Broken and Unknown, in a few words
	Istio                  string    // version, "" where it is not known
	Trust                  string    // of its certificates, in words, "" where it is not known
	Drift                  bool      // an apply would change something
	Gateways               []Gateway // how other networks reach it
	Problems               []int     // indices of Graph.Problems
}

// A Gateway is one by which other networks reach a cluster.
type Gateway struct {
	Ambient bool // it is for ambient pods
	// ByPeers says that Gateways of class istio-remote tell the other clusters where it is,
	// as topology.yaml has it.
	ByPeers bool
	State   State
	Address string // with its port; that alone, or "", where the rest is not known
	Reason  string // of Broken and Unknown, in a few words
}

// An Arrow leads from one cluster to another, both indices of Graph.Clusters.
type Arrow struct {
	Kind     Kind
	From, To int
	State    State
	Reason   string // of Broken and Unknown, in a few words
	Message  string // the same in a sentence, "" where there is none
	Fix      string // what to do about it, "" where that is not known
}
