package args

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// Explain is the command line of explain, the one verb that takes an argument.
type Explain struct {
	Path string // "" for both files
}

// Fill takes the argument, and refuses more than one.
func (a *Explain) Fill(c *cli.Context) error {
	if c.NArg() > 1 {
		return &Error{fmt.Errorf("%s takes one PATH: %q", c.Command.HelpName, c.Args().Get(1)), "give one path, with dots between keys"}
	}
	a.Path = c.Args().First()
	return nil
}
