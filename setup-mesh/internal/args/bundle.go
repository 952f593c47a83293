package args

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"
)

// Bundle is the command line of bundle.
type Bundle struct {
	Clusters
	Timeout time.Duration // of the plan, and again of all else
	Out     string        // a file, "" for one that is named after the mesh, "-" for standard output
	Force   bool          // replace a file that is there
	Lines   int           // of each log
}

// Flags fill a.
func (a *Bundle) Flags() []cli.Flag {
	return append(a.Clusters.reaching(),
		timeoutFlag(&a.Timeout, 2*time.Minute, "give up planning after `TIME`, and gathering after the same time again"),
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Destination: &a.Out, DefaultText: "setup-mesh-bundle-MESH-TIME.tar.gz", Usage: "write the archive to `FILE`; - is standard output"},
		&cli.BoolFlag{Name: "force", Destination: &a.Force, Usage: "replace a file that is there"},
		&cli.IntFlag{Name: "log-lines", Destination: &a.Lines, Value: 1000, Usage: "take the last `N` lines of each istiod's log; 0 takes none"},
	)
}

// Check says what cannot be.
func (a *Bundle) Check() error {
	if a.Lines < 0 {
		return &Error{errors.New("--log-lines: must not be negative"), "--log-lines 0 takes no logs"}
	}
	return nil
}
