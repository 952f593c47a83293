package args

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// RevokeAccess is the command line of certs revoke-access.
type RevokeAccess struct {
	Clusters
	Change
	Consumer string // the cluster whose tokens end
	From     string // the cluster that they are for, "" for all
}

// Flags fill a.
func (a *RevokeAccess) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Change.flags()),
		&cli.StringFlag{Name: "from", Destination: &a.From, Usage: "end only the token for `CLUSTER`"})
}

// Fill takes the name of the cluster. The flag parser ignores what follows it, so that
// is refused, with the line as it should be.
func (a *RevokeAccess) Fill(c *cli.Context) error {
	given, before := c.Args().Slice(), " "
	if c.NumFlags() > 0 {
		before = " ... "
	}
	switch {
	case len(given) == 0:
		return &Error{errors.New("the name of a cluster is missing: the one whose tokens are to end"), c.Command.HelpName + " CLUSTER"}
	case len(given) > 1 && strings.HasPrefix(given[1], "-"):
		return &Error{fmt.Errorf("%s takes flags before the name of the cluster: %q", c.Command.HelpName, given[1]), c.Command.HelpName + before + strings.Join(append(given[1:], given[0]), " ")}
	case len(given) > 1:
		return &Error{fmt.Errorf("%s takes the name of one cluster: %q", c.Command.HelpName, given[1]), "run it for each"}
	}
	a.Consumer = given[0]
	return nil
}

// RotateAccess is the command line of certs rotate-access.
type RotateAccess struct {
	Clusters
	Change
	Of        string // the cluster whose tokens are renewed, "" for all
	AllowGaps bool
}

// Flags fill a.
func (a *RotateAccess) Flags() []cli.Flag {
	return append(slices.Concat(a.Clusters.flags(), a.Change.flags()),
		&cli.StringFlag{Name: "of", Destination: &a.Of, Usage: "renew only the tokens of `CLUSTER`"},
		&cli.BoolFlag{Name: "allow-gaps", Destination: &a.AllowGaps, Usage: "renew although istiods of this version may lose endpoints of other clusters meanwhile"})
}
