// Package complete knows how a command line may go on, and the scripts by which shells
// ask. What the flags take is told by their usage: the name in it says what kind of value
// it is, and a list after a colon which values there are.
package complete

import (
	"embed"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"
)

//go:embed setup-mesh.bash setup-mesh.zsh setup-mesh.fish
var scripts embed.FS

// Shells are those that there are scripts for.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Script is what a shell is to read, "" for one that is not known.
func Script(shell string) string {
	text, err := scripts.ReadFile("setup-mesh." + shell)
	if err != nil {
		return ""
	}
	return string(text)
}

// A Candidate is how a word may go on.
type Candidate struct{ Word, About string }

// What a script is told instead of candidates: the shell knows files better.
const (
	Files       = ":files"
	Directories = ":directories"
)

// Sources are what names come from. They ask no cluster, and answer nothing where
// there is nothing to read.
type Sources struct {
	Contexts func(kubeconfig string) []string
	Clusters func(dir string) []string
	Getenv   func(string) string
	Checks   []string // by their names
}

// Words are the candidates for the last of words, which follow the name of the program.
func Words(commands []*cli.Command, words []string, from Sources) []Candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	if len(words) == 1 {
		return matching(last, starts(commands, last))
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(words[0]) && !c.Hidden })
	if i < 0 {
		return nil
	}
	command, rest := commands[i], words[1:]
	for len(command.Subcommands) > 0 && len(rest) > 1 {
		i := slices.IndexFunc(command.Subcommands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if i < 0 {
			return nil
		}
		command, rest = command.Subcommands[i], rest[1:]
	}
	if len(command.Subcommands) > 0 && !strings.HasPrefix(last, "-") {
		return matching(last, starts(command.Subcommands, last))
	}
	l := read(command, rest[:len(rest)-1], from)
	name, value, assigned := strings.Cut(last, "=")
	switch {
	case l.open != nil:
		return matching(last, l.values(l.open))
	case assigned && strings.HasPrefix(name, "-"):
		out := matching(value, l.values(l.flag(name)))
		for i := range out {
			if !strings.HasPrefix(out[i].Word, ":") {
				out[i].Word = name + "=" + out[i].Word
			}
		}
		return out
	case strings.HasPrefix(last, "-") || command.ArgsUsage == "":
		return matching(last, l.flags())
	case command.Name == "completion":
		return matching(last, plain(Shells()))
	case command.Name == "explain":
		return matching(last, plain(from.Checks))
	case command.ArgsUsage == "CLUSTER":
		return matching(last, plain(from.Clusters(l.value("dir"))))
	}
	return nil
}

// starts are the commands, or the flags that stand without one.
func starts(commands []*cli.Command, word string) []Candidate {
	if strings.HasPrefix(word, "-") {
		return []Candidate{{"--help", "show help"}, {"--version", "print the version"}}
	}
	var out []Candidate
	for _, c := range commands {
		if !c.Hidden {
			out = append(out, Candidate{c.Name, c.Usage})
		}
	}
	return out
}

func plain(words []string) []Candidate {
	var out []Candidate
	for _, w := range words {
		out = append(out, Candidate{Word: w})
	}
	return out
}

// matching are the candidates that a word may become. Names that a terminal cannot show
// are none.
func matching(word string, all []Candidate) []Candidate {
	var out []Candidate
	for _, c := range all {
		shown := !strings.ContainsFunc(c.Word, func(r rune) bool { return !unicode.IsPrint(r) })
		if shown && (strings.HasPrefix(c.Word, word) || c.Word == Files || c.Word == Directories) {
			out = append(out, c)
		}
	}
	return out
}
