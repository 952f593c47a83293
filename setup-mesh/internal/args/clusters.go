package args

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/urfave/cli/v2"
)

// Clusters says where the files and the clusters are, of a verb that reads both.
type Clusters struct {
	Dir           string
	Kubeconfig    string
	Format        Format
	AllowLoopback bool
	AcceptNew     bool
	NameServer    netip.AddrPort // the zero value asks as this machine does
}

func (a *Clusters) flags() []cli.Flag {
	return slices.Insert(a.reaching(), 2, formatFlag(&a.Format, Text, JSON))
}

// reaching are the flags of a verb whose answer has formats of its own.
func (a *Clusters) reaching() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		kubeconfigFlag(&a.Kubeconfig),
		&cli.BoolFlag{Name: "allow-loopback", Destination: &a.AllowLoopback, EnvVars: []string{"SETUP_MESH_ALLOW_LOOPBACK"},
			Usage: "accept loopback API server addresses: the other clusters can reach them"},
		nameServerFlag(&a.NameServer),
		&cli.BoolFlag{Name: "accept-new-cluster", Destination: &a.AcceptNew, Usage: "accept that a context now points to a different cluster"},
	}
}

func kubeconfigFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "kubeconfig", Destination: to, Usage: "kubeconfig `FILE` (default: KUBECONFIG, else ~/.kube/config)"}
}

// nameServerFlag is for gateways whose names only the clusters' own DNS knows.
func nameServerFlag(to *netip.AddrPort) cli.Flag {
	return &cli.StringFlag{
		Name: "dns-server", EnvVars: []string{"SETUP_MESH_DNS_SERVER"},
		Usage: "ask the name server at `ADDRESS` for gateways' host names (default: as this machine does)",
		Action: func(_ *cli.Context, server string) (err error) {
			*to, err = nameServer(server)
			return err
		},
	}
}

// nameServer is an IP address, with or without a port.
func nameServer(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at, nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.AddrPort{}, &Error{fmt.Errorf("--dns-server: %q is not an IP address", s), "such as 10.0.0.2, or 10.0.0.2:5353"}
	}
	return netip.AddrPortFrom(ip, 53), nil
}

// Leaving is about clusters that leave the mesh.
type Leaving struct {
	Forget []string // clusters that are gone for good
	Left   []string // are certainly none of those in topology.yaml that are not reached
	CRDs   bool     // are deleted although resources exist
}

func (a *Leaving) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "forget", Usage: "drop a `CLUSTER` that is gone for good from the records",
			Action: func(_ *cli.Context, names []string) error { a.Forget = slices.Clone(names); return nil }},
		&cli.StringSliceFlag{Name: "leaving", Usage: "let `CLUSTER` leave, although a cluster in topology.yaml that does not answer could be the same one",
			Action: func(_ *cli.Context, names []string) error { a.Left = slices.Clone(names); return nil }},
		&cli.BoolFlag{Name: "crds", Destination: &a.CRDs, Usage: "delete Istio's CRDs from clusters that leave or become remote, even if resources of yours exist"},
	}
}

// Joining is what a user may allow where clusters become part of the mesh.
type Joining struct {
	Adopt        bool
	AllowOverlap bool
}

func (a *Joining) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "adopt", Destination: &a.Adopt, Usage: "take over objects that other tools manage"},
		&cli.BoolFlag{Name: "allow-overlap", Destination: &a.AllowOverlap,
			Usage: "accept overlapping node podCIDRs: pod IPs are unique all the same (Calico, Cilium, VPC CNI)"},
	}
}

// Signing is who signs the intermediates of clusters.
type Signing struct {
	Command string // a program with its arguments, "" for the key in the work directory
}

func (a *Signing) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "sign-command", Destination: &a.Command, EnvVars: []string{"SETUP_MESH_SIGN_COMMAND"},
			Usage: "have clusters' CAs signed by `COMMAND` instead of the root key: it reads a CSR, and answers with the certificate, as PEM; arguments are separated by blanks, and no shell is used"},
	}
}
