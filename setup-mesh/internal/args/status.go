package args

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
)

// Status is the command line of status.
type Status struct {
	Clusters
	Timeout  time.Duration
	From, To string // names or contexts of two clusters, "" for the whole mesh
	Wait     bool   // until it is healthy
	Watch    bool   // until it is interrupted
	JUnit    string // a file for the verdicts of all checks, "" for none
}

// Flags fill a.
func (a *Status) Flags() []cli.Flag {
	return append(slices.Insert(a.reaching(), 2, formatFlag(&a.Format, Text, Wide, JSON, YAML)),
		&cli.StringFlag{Name: "from", Destination: &a.From, Usage: "with --to: explain step by step whether `CLUSTER` finds the other; a name of topology.yaml, or a context"},
		&cli.StringFlag{Name: "to", Destination: &a.To, Usage: "with --from: the `CLUSTER` to be found"},
		&cli.BoolFlag{Name: "wait", Destination: &a.Wait, Usage: "ask again until all is healthy, or --timeout has passed"},
		&cli.BoolFlag{Name: "watch", Destination: &a.Watch, Usage: "ask again until it is interrupted, and show what has changed"},
		&cli.StringFlag{Name: "junit", Destination: &a.JUnit, Usage: "write what each check found in each cluster to `FILE`, as JUnit XML, and replace one that is there"},
		timeoutFlag(&a.Timeout, 2*time.Minute, "give up after `TIME`; with --watch, each time"),
	)
}

// Pair says whether it is about two clusters.
func (a *Status) Pair() bool { return a.From != "" || a.To != "" }

// Check says which flags need or exclude each other.
func (a *Status) Check() error {
	switch {
	case a.From == "" && a.To != "":
		return &Error{errors.New("--to needs --from: the cluster that is to find it"), "setup-mesh status --from CLUSTER --to " + a.To}
	case a.From != "" && a.To == "":
		return &Error{errors.New("--from needs --to: the cluster to be found"), "setup-mesh status --from " + a.From + " --to CLUSTER"}
	case a.Wait && a.Watch:
		return &Error{errors.New("--wait and --watch exclude each other"), "--wait ends when all is healthy, --watch when it is interrupted"}
	case a.JUnit != "" && (a.Watch || a.Pair()):
		return &Error{errors.New("--junit is for one status of the whole mesh"), "leave out --watch, --from and --to"}
	case a.Watch && (a.Format == JSON || a.Format == YAML):
		return &Error{fmt.Errorf("--watch does not print %s", a.Format), "--wait does, when all is healthy; or run status on a timer"}
	}
	return nil
}
