package args

import (
	"fmt"
	"regexp"

	"github.com/urfave/cli/v2"
)

// Explain is the command line of explain, the one verb that takes an argument.
type Explain struct {
	Path string // "" for both files; or the name of a check
}

// checkName is AREA/CLAIM, as no key of the two files is called, below which any name may be.
var checkName = regexp.MustCompile(`^[a-z-]+/[a-z-]+$`)

// IsCheck says whether it is a check that is asked about.
func (a *Explain) IsCheck() bool { return checkName.MatchString(a.Path) }

// Fill takes the argument, and refuses more than one.
func (a *Explain) Fill(c *cli.Context) error {
	if c.NArg() > 1 {
		return &Error{fmt.Errorf("%s takes one PATH: %q", c.Command.HelpName, c.Args().Get(1)), "give one path, with dots between keys"}
	}
	a.Path = c.Args().First()
	return nil
}
