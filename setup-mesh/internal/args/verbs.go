package args

import (
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
)

// Prep is the command line of prep.
type Prep struct {
	Dir, MeshID, Org string
	Kubeconfig       string
	contexts         cli.StringSlice
	AllContexts      bool
	Base             string // a manifest of the user's, "" for none, "-" for standard input

	RootCert, RootKey       string // files of a root that was made elsewhere, "" for none
	SigningCert, SigningKey string // files of a CA that signs in its place, "" for none

	Sealing
}

// Contexts are those that topology.yaml is to begin with.
func (a *Prep) Contexts() []string { return a.contexts.Value() }

// Check says which flags exclude each other.
func (a *Prep) Check() error {
	if a.AllContexts && len(a.Contexts()) > 0 {
		return &Error{errors.New("--context and --all-contexts exclude each other"), "name the contexts, or take all of the kubeconfig's"}
	}
	return a.Sealing.check()
}

// Flags fill a.
func (a *Prep) Flags() []cli.Flag {
	return append([]cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringFlag{Name: "mesh-id", Destination: &a.MeshID, EnvVars: []string{"MESH_ID"}, Usage: "`NAME` of the mesh, short but memorable"},
		&cli.StringFlag{Name: "org", Destination: &a.Org, EnvVars: []string{"ORG_NAME"}, Usage: "`ORGANIZATION` in the certificates, such as example.com"},
		&cli.StringSliceFlag{Name: "context", Destination: &a.contexts, Usage: "begin topology.yaml with `CONTEXT` of the kubeconfig; may be repeated"},
		&cli.BoolFlag{Name: "all-contexts", Destination: &a.AllContexts, Usage: "begin topology.yaml with every context of the kubeconfig"},
		kubeconfigFlag(&a.Kubeconfig),
		&cli.StringFlag{Name: "base", Destination: &a.Base, Usage: "take `FILE`, an IstioControlPlane or IstioOperator, as base.yaml; - is standard input"},
		&cli.StringFlag{Name: "root-cert", Aliases: []string{"trust-root"}, Destination: &a.RootCert, Usage: "take the root in `FILE` instead of making one: the PEM certificates that all clusters are to trust"},
		&cli.StringFlag{Name: "root-key", Destination: &a.RootKey, Usage: "`FILE` with the key of that root, as PEM: PKCS#8, SEC 1 or PKCS#1; leave it out where the key stays elsewhere"},
		&cli.StringFlag{Name: "signing-cert", Destination: &a.SigningCert, Usage: "`FILE` with a CA below that root, which signs in its place, then those between the two"},
		&cli.StringFlag{Name: "signing-key", Destination: &a.SigningKey, Usage: "`FILE` with the key of that CA; leave it out where the key stays elsewhere"},
	}, a.Sealing.flags()...)
}

// Plan is the command line of plan.
type Plan struct {
	Clusters
	Leaving
	Joining
	Signing
	Timeout  time.Duration
	Objects  bool   // show the objects too
	Out      string // a file to save the plan to, "" for none
	ExitCode bool   // tells whether there is something to change
}

// Flags fill a.
func (a *Plan) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Leaving.flags(), a.Joining.flags(), a.Signing.flags()),
		timeoutFlag(&a.Timeout, 2*time.Minute, "give up after `TIME` in total"), showFlag(&a.Objects),
		&cli.StringFlag{Name: "out", Destination: &a.Out, Usage: "save the plan to `FILE`, for apply --plan"},
		&cli.BoolFlag{Name: "detailed-exitcode", Destination: &a.ExitCode, Usage: "exit 2 when there is something to change"},
	)
}

// Change is how clusters are written to.
type Change struct {
	Timeout     time.Duration // of making the plan, and again of carrying it out
	Parallelism int
	Yes         bool // do not ask
	Objects     bool // show the objects too
}

func (a *Change) flags() []cli.Flag {
	return []cli.Flag{
		timeoutFlag(&a.Timeout, 10*time.Minute, "give up planning after `TIME`, and applying after the same time again"),
		&cli.IntFlag{Name: "parallelism", Destination: &a.Parallelism, Value: 24, Usage: "at most `N` changes under way at once, over all clusters"},
		&cli.BoolFlag{Name: "yes", Destination: &a.Yes, Aliases: []string{"y"}, Usage: "do not ask"},
		showFlag(&a.Objects),
	}
}

// Apply is the command line of apply.
type Apply struct {
	Clusters
	Leaving
	Joining
	Signing
	Opening
	Change
	Saved string // a file with the only plan to be carried out, "" for any plan
}

// Flags fill a.
func (a *Apply) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Leaving.flags(), a.Change.flags(), a.Joining.flags(), a.Signing.flags(), a.Opening.flags()),
		&cli.StringFlag{Name: "plan", Destination: &a.Saved, Usage: "run the plan saved in `FILE`, or refuse if anything has changed since"})
}

// Teardown is the command line of teardown.
type Teardown struct {
	Clusters
	Leaving
	Change
	AllMembers bool // --yes is for members too that topology.yaml does not name
}

// Flags fill a.
func (a *Teardown) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Leaving.flags(), a.Change.flags()),
		&cli.BoolFlag{Name: "all-members", Destination: &a.AllMembers, Usage: "with --yes: also remove members that topology.yaml does not name"})
}

// CertsStatus is the command line of certs status.
type CertsStatus struct {
	Clusters
	Timeout time.Duration
}

// Flags fill a.
func (a *CertsStatus) Flags() []cli.Flag {
	return append(a.Clusters.flags(), timeoutFlag(&a.Timeout, 2*time.Minute, "give up after `TIME`"))
}

// Migrate is the command line of migrate.
type Migrate struct {
	Dir  string
	File string // "" for base.yaml of the work directory, "-" for standard input
}

// Flags fill a.
func (a *Migrate) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &a.File, Usage: "`FILE` to read instead of base.yaml; - is standard input"},
	}
}

// Inject is the command line of inject.
type Inject struct {
	Dir        string
	File       string // "-" for standard input
	Context    string // of topology.yaml
	Kubeconfig string
	Timeout    time.Duration
}

// Flags fill a.
func (a *Inject) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &a.File, Usage: "`FILE` with the workloads; - is standard input"},
		&cli.StringFlag{Name: "context", Destination: &a.Context, Usage: "`CONTEXT` of topology.yaml: the cluster in which the workloads will be"},
		kubeconfigFlag(&a.Kubeconfig),
		timeoutFlag(&a.Timeout, 2*time.Minute, "give up after `TIME` in total"),
	}
}

// Check says what is missing.
func (a *Inject) Check() error {
	const example = "setup-mesh inject -f app.yaml --context CONTEXT"
	switch {
	case a.File == "":
		return &Error{errors.New("--file is missing: the file with the workloads"), example}
	case a.Context == "":
		return &Error{errors.New("--context is missing: the cluster in which the workloads will be"), example}
	}
	return nil
}

// Render is the command line of render.
type Render struct{ Dir, OutDir string }

// Flags fill a.
func (a *Render) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		&cli.StringFlag{Name: "out-dir", Destination: &a.OutDir, Usage: "`DIRECTORY` to write to; created if it does not exist"},
	}
}

// Check says what is missing.
func (a *Render) Check() error {
	if a.OutDir == "" {
		return &Error{errors.New("--out-dir is missing: the directory to write to"), "setup-mesh render --out-dir rendered"}
	}
	return nil
}
