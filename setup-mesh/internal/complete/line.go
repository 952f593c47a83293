package complete

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// A line is what stands before the word that is completed.
type line struct {
	command *cli.Command
	given   map[string]string // value by the first name of a flag
	open    cli.Flag          // the last word is a flag that waits for its value
	from    Sources
}

func read(command *cli.Command, words []string, from Sources) line {
	l := line{command: command, given: map[string]string{}, from: from}
	for _, w := range words {
		if l.open != nil {
			l.given[l.open.Names()[0]], l.open = w, nil
			continue
		}
		name, value, assigned := strings.Cut(w, "=")
		f := l.flag(name)
		if f == nil {
			continue
		}
		l.given[f.Names()[0]] = value
		if !assigned && takesValue(f) {
			l.open = f
		}
	}
	return l
}

// flag is that with a name as it is typed, nil for none.
func (l line) flag(typed string) cli.Flag {
	name := strings.TrimLeft(typed, "-")
	for _, f := range l.command.Flags {
		if name != typed && slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// flags are those that may still be given.
func (l line) flags() []Candidate {
	var out []Candidate
	for _, f := range l.command.Flags {
		_, given := l.given[f.Names()[0]]
		if _, again := f.(*cli.StringSliceFlag); !given || again {
			about, _ := Usage(f)
			out = append(out, Candidate{"--" + f.Names()[0], about})
		}
	}
	return append(out, Candidate{"--help", "show help"})
}

// Usage is what a flag is for, and the name that it calls its value, "" for none.
func Usage(f cli.Flag) (about, value string) {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	before, rest, _ := strings.Cut(d.GetUsage(), "`")
	value, after, _ := strings.Cut(rest, "`")
	return before + value + after, value
}

// values are those that a flag takes.
func (l line) values(f cli.Flag) []Candidate {
	if f == nil {
		return nil
	}
	about, value := Usage(f)
	switch value {
	case "FILE":
		return []Candidate{{Word: Files}}
	case "DIRECTORY":
		return []Candidate{{Word: Directories}}
	case "CONTEXT":
		return plain(l.from.Contexts(l.value("kubeconfig")))
	case "CLUSTER":
		return plain(l.from.Clusters(l.value("dir")))
	case "FORMAT", "WHAT":
		_, list, _ := strings.Cut(about, ": ")
		return plain(strings.Split(strings.ReplaceAll(list, " or ", ", "), ", "))
	}
	return nil
}

// value is what a flag has been given, or has without that.
func (l line) value(name string) string {
	if v := l.given[name]; v != "" {
		return v
	}
	d, ok := l.flag("--" + name).(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	for _, variable := range d.GetEnvVars() {
		if v := l.from.Getenv(variable); v != "" {
			return v
		}
	}
	return d.GetValue()
}
