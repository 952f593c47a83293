package args

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// CertsCSR is the command line of certs csr.
type CertsCSR struct {
	Dir      string
	clusters cli.StringSlice
	Renew    bool // although there is one that is good
	Back     bool // below the old root of a rotation
}

// Clusters are those that requests are made for, none for all.
func (a *CertsCSR) Clusters() []string { return a.clusters.Value() }

func backFlag(to *bool) cli.Flag {
	return &cli.BoolFlag{Name: "back", Destination: to, Usage: "during a rotation of the root, work below the old root, to lead the mesh back; without it, below the new one"}
}

// Flags fill a.
func (a *CertsCSR) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringSliceFlag{Name: "cluster", Destination: &a.clusters, Usage: "only for `CLUSTER`; may be repeated"},
		&cli.BoolFlag{Name: "renew", Destination: &a.Renew, Usage: "also for clusters whose imported CA is still good"},
		backFlag(&a.Back),
	}
}

// RevokeCA is the command line of certs revoke-ca.
type RevokeCA struct {
	Clusters
	Change
	Opening
	Cluster string
	Serial  string // of another CA than that which the cluster has, "" for that
	Now     bool   // wait for no workload
}

// Flags fill a.
func (a *RevokeCA) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Change.flags(), a.Opening.flags()),
		&cli.StringFlag{Name: "cluster", Destination: &a.Cluster, Usage: "replace and revoke the CA of `CLUSTER`"},
		&cli.StringFlag{Name: "serial", Destination: &a.Serial, Usage: "revoke the CA with serial number `HEX` that the cluster had, not that which it has"},
		&cli.BoolFlag{Name: "now", Destination: &a.Now, Usage: "do not wait for workloads: those that have no other certificate yet are cut off"})
}

// Check says what is missing or wrong, and brings the serial number into the form that it is
// compared in.
func (a *RevokeCA) Check() error {
	if a.Cluster == "" {
		return &Error{errors.New("--cluster is missing: the cluster that is to get another CA"), "setup-mesh certs revoke-ca --cluster CLUSTER"}
	}
	if a.Serial == "" {
		return nil
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(a.Serial, ":", ""), 16)
	if !ok || n.Sign() <= 0 {
		return &Error{fmt.Errorf("--serial %q is not a hexadecimal number", a.Serial), "openssl x509 -noout -serial prints one"}
	}
	a.Serial = fmt.Sprintf("%x", n)
	return nil
}

// CertsImport is the command line of certs import.
type CertsImport struct {
	Dir  string
	from cli.StringSlice
	Back bool // below the old root of a rotation
}

// From are the files, or directories of them, that hold the certificates.
func (a *CertsImport) From() []string { return a.from.Value() }

// Flags fill a.
func (a *CertsImport) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringSliceFlag{Name: "from", Destination: &a.from, Usage: "`FILE` with certificates as PEM, or a directory of them; may be repeated; - is standard input"},
		backFlag(&a.Back),
	}
}

// Check says what is missing.
func (a *CertsImport) Check() error {
	if len(a.From()) == 0 {
		return &Error{errors.New("--from is missing: the certificates that were signed"), "setup-mesh certs import --from FILE"}
	}
	return nil
}

// CertsSign is the command line of certs sign.
type CertsSign struct {
	Dir       string
	CSR       string // "-" for standard input
	Namespace string
	Cluster   string // that the CSR must be for, "" for any
	Back      bool   // with the old root of a rotation
	Opening
}

// Flags fill a.
func (a *CertsSign) Flags() []cli.Flag {
	return append([]cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringFlag{Name: "csr", Destination: &a.CSR, Usage: "`FILE` with the CSR, as PEM; - is standard input"},
		&cli.StringFlag{Name: "namespace", Destination: &a.Namespace, EnvVars: []string{"SETUP_MESH_NAMESPACE"}, Value: "istio-system", Usage: "`NAMESPACE` of the cluster's istiod"},
		&cli.StringFlag{Name: "cluster", Destination: &a.Cluster, EnvVars: []string{"SETUP_MESH_CLUSTER"}, Usage: "refuse a CSR that is not for `CLUSTER`"},
		backFlag(&a.Back),
	}, a.Opening.flags()...)
}

// Check says what is missing.
func (a *CertsSign) Check() error {
	if a.CSR == "" {
		return &Error{errors.New("--csr is missing: the file with the CSR"), "setup-mesh certs sign --csr FILE"}
	}
	return nil
}
