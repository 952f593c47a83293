// Package order says what comes before what. Steps need facts and make facts;
// the graph of an apply follows from that, and so does what cannot be done: a
// step that needs what cannot become true is blocked, removals included.
package order

// A Claim is what a [Fact] says of its cluster.
type Claim string

// The claims that are proved by looking. Those about parts are made by
// [Applied] and [Gone].
const (
	Begun     Claim = "begun"     // the namespace is there, the lock is held, the record says what is coming
	Answers   Claim = "istiod"    // its own control plane runs, and its webhooks answer
	Addressed Claim = "gateway"   // its east-west gateway runs, and has an address
	Serves    Claim = "serving"   // each of its primaries that is reached injects its pods, alone
	Injected  Claim = "injection" // its pods are injected by its primaries
	Departed  Claim = "departed"  // it is certain that it is not a cluster of the topology
	Discovers Claim = "discovery" // its istiods read exactly the clusters that they should
	// Of a token: of the peer that is read, and of the peer that reads.
	Accepted Claim = "token"            // the peer's API server accepts the token that is stored for it
	Refused  Claim = "end of the token" // its API server refuses the token that the peer had
	// Of a rotation of the root, in each cluster.
	Trusts Claim = "trust"        // what signs in the mesh now, or is about to, is trusted by all its proxies
	Signed Claim = "certificates" // all its proxies have certificates that what signs now stands for
	// Of a CA that is to come while proxies ask for revocation lists, in each cluster.
	Announced Claim = "announcement"     // its cacerts holds the lists of all CAs that are to come, beside the CA that it has
	Listed    Claim = "revocation lists" // its proxies that ask for lists have one of each CA that is to come
	// Of the end of a trust domain, in each cluster.
	Named Claim = "identities" // none of its proxies has a certificate of a domain that is dropped
	// Of an ambient mesh, in each cluster.
	Tunnels    Claim = "node proxies"    // its node agents and its ztunnels run, on every node
	Programmed Claim = "ambient gateway" // its ambient gateway runs, and other networks reach it where it says
	// Of a peer: where its gateway is.
	Knows Claim = "gateway address" // its istiods know all addresses of the peer's gateway
	Sends Claim = "way to gateway"  // they send nowhere else for that
)

// A Fact is something that is true of a cluster, or will be, or cannot be.
type Fact struct {
	Cluster string `json:"cluster"`
	Claim   Claim  `json:"claim"`
	Peer    string `json:"peer,omitempty"`
}

// Applied is the fact that all of a part that is wanted in a cluster is there.
// An empty peer is for parts without one.
func Applied(cluster string, p Part, peer string) Fact {
	return Fact{cluster, Claim("applied " + p), peer}
}

// Gone is the fact that all of a part that is not wanted in a cluster is gone.
func Gone(cluster string, p Part, peer string) Fact {
	return Fact{cluster, Claim("gone " + p), peer}
}
