package plan

import "github.com/setup-mesh/setup-mesh/pkg/apply/order"

// Rules are what the components of a mesh say of the order of an apply.
type Rules interface {
	// Needs are the facts that a change of a wanted object waits for.
	Needs(s *Scene, c *Cluster, ch Change) []order.Fact
	// Ends are the facts that the removal of an object waits for in a cluster that
	// stays. In one that leaves, the parts go in their order, and this is not asked.
	Ends(s *Scene, c *Cluster, ch Change) []order.Fact
	// Proofs are what is to be seen of a cluster that stays.
	Proofs(s *Scene, c *Cluster) []Proof
}

// A Proof is how a claim about a cluster comes to be true: a step of an apply looks
// until it is.
type Proof struct {
	Claim order.Claim
	Check string       // ID of the check by which a status judges the same
	Peer  string       // the other cluster that the claim is about, "" for none
	Needs []order.Fact // what has to be true before it can be seen
	Tries []string     // primaries that have to serve the cluster each by itself
}
