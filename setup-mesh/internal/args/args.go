// Package args turns the command line into values: a struct for each verb, with
// the flags that fill it. What cannot be understood is an [*Error].
//
// A struct is filled once its verb runs. One field, one flag: no verb asks for
// a flag by name.
package args

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// An Error is a command line that cannot be carried out.
type Error struct {
	Err error
	Fix string // what to type instead
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to type instead.
func (e *Error) Remedy() string { return e.Fix }

// Mistake is an error of the flag parser with a word about help.
func Mistake(c *cli.Context, err error, _ bool) error {
	return &Error{err, fmt.Sprintf("%s --help lists the flags", c.Command.HelpName)}
}

// None refuses arguments: the flag parser ignores the flags after one.
func None(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	return &Error{fmt.Errorf("%s takes no arguments: %q", c.Command.HelpName, c.Args().First()), "give values with flags, as in --dir mydir"}
}

// A Format is what an answer is printed in.
type Format string

// The formats.
const (
	Text Format = "text"
	Wide Format = "wide" // text with all there is to tell
	JSON Format = "json"
	YAML Format = "yaml"
)

func dirFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "dir", Destination: to, EnvVars: []string{"WORKDIR"}, Value: ".", Usage: "work `DIRECTORY` with topology.yaml, base.yaml and certs"}
}

// formatFlag chooses one of formats, the first if it is not given.
func formatFlag(to *Format, formats ...Format) cli.Flag {
	*to = formats[0]
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	choice := words(names, "or")
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: names[0], Usage: "`FORMAT` of the answer: " + choice,
		Action: func(_ *cli.Context, v string) error {
			if !slices.Contains(formats, Format(v)) {
				return &Error{fmt.Errorf("--output: unknown format %q", v), "use " + choice}
			}
			*to = Format(v)
			return nil
		}}
}

// words lists several names as a sentence does.
func words(names []string, conjunction string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + conjunction + " " + names[last]
}

// showFlag chooses how much of a plan is shown: to is whether objects are.
func showFlag(to *bool) cli.Flag {
	const objects = "objects"
	return &cli.StringFlag{Name: "show", Usage: "`WHAT` to show of a plan in addition to the summary: objects",
		Action: func(_ *cli.Context, v string) error {
			if v != objects {
				return &Error{fmt.Errorf("--show: unknown value %q", v), objects}
			}
			*to = true
			return nil
		}}
}

func timeoutFlag(to *time.Duration, d time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Destination: to, Value: d, Usage: usage}
}
