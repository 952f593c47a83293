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

// Check says whether it is a check that is asked about: these are called AREA/CLAIM, and
// keys of the two files are not, below which any name may be.
func (a *Explain) Check() bool { return regexp.MustCompile(`^[a-z-]+/[a-z-]+$`).MatchString(a.Path) }

// Fill takes the argument, and refuses more than one.
func (a *Explain) Fill(c *cli.Context) error {
	if c.NArg() > 1 {
		return &Error{fmt.Errorf("%s takes one PATH: %q", c.Command.HelpName, c.Args().Get(1)), "give one path, with dots between keys"}
	}
	a.Path = c.Args().First()
	return nil
}
