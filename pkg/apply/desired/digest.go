package desired

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// Digest stands for everything that an apply depends on beside the clusters:
// what is wanted, how the API servers are reached, under which root, by which
// release of the binary.
func (d *Desired) Digest(release string) (string, error) {
	type cluster struct {
		Member  record.Member
		Reads   []string
		Server  APIServer
		Address string
		Account string
		Hashes  []string
	}
	var all []cluster
	for _, c := range d.Clusters {
		one := cluster{Member: c.Member, Reads: c.Reads, Server: c.Server, Address: fmt.Sprint(c.Address), Account: c.Account}
		for _, it := range c.Items {
			one.Hashes = append(one.Hashes, it.Hash)
		}
		all = append(all, one)
	}
	root := ""
	if d.Root != nil {
		root = string(d.Root.PEM())
	}
	return HashOf([]any{release, d.MeshID, d.TrustDomain, root, all, d.SharedServices})
}
