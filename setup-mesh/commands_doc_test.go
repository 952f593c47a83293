package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/complete"
)

//go:generate go test -run ^TestCommandsDoc$ . -update

const commandsDoc = "../docs/commands.md"

const commandsIntro = `<!-- Generated from the flags by "make docs": do not edit. -->

# Commands

    setup-mesh COMMAND [flags]

Flags stand after the command; only ` + "`explain`" + ` and ` + "`completion`" + ` take another argument.
A flag that names a variable takes its value from there when it is not given. The
answer goes to standard output, the conversation (progress, questions, warnings,
errors) to standard error.

| exit code | means |
|---|---|
| 0 | done, healthy, or nothing to do |
| 1 | an error: nothing was changed, or what is said not to be done |
| 2 | ` + "`plan --detailed-exitcode`: there are changes; `status`: it is not one healthy mesh; `verify`: a call that should be answered was not; `migrate`: something is left to decide" + ` |
| 3 | some clusters are done and some are not; run it again to go on |
| 130 | interrupted; run it again to go on |
`

// TestCommandsDoc checks that docs/commands.md is what the flags say.
func TestCommandsDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString(commandsIntro)
	for _, cmd := range documented() {
		writeCommand(&b, cmd)
	}
	if *update {
		if err := os.WriteFile(commandsDoc, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(commandsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("docs/commands.md is not current: make docs (-file +flags):\n%s", diff)
	}
}

// documented are the commands that people type, those below others under both names.
func documented() []*cli.Command {
	var out []*cli.Command
	for _, c := range newApp(environment{getenv: os.Getenv}).Commands {
		if c.Hidden {
			continue
		}
		out = append(out, c)
		for _, sub := range c.Subcommands {
			named := *sub
			named.Name = c.Name + " " + sub.Name
			out = append(out, &named)
		}
	}
	return out
}

func writeCommand(b *strings.Builder, cmd *cli.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.", cmd.Name, upper(cmd.Name, cmd.Usage))
	if cmd.Description != "" {
		fmt.Fprintf(b, " %s", upper(cmd.Name, cmd.Description))
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(b, " Also called `%s`.", strings.Join(cmd.Aliases, "`, `"))
	}
	if cmd.ArgsUsage != "" {
		fmt.Fprintf(b, "\n\n    setup-mesh %s %s", cmd.Name, cmd.ArgsUsage)
	}
	if len(cmd.Flags) == 0 {
		b.WriteString("\n")
		return
	}
	b.WriteString("\n\n| flag | default | variable | |\n|---|---|---|---|\n")
	for _, f := range cmd.Flags {
		d := documentFlag(f)
		var names []string
		for _, n := range d.names {
			names = append(names, code(strings.TrimSpace(n+" "+d.value)))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", strings.Join(names, ", "), code(d.standard), code(strings.Join(d.variables, ", ")), d.usage)
	}
}

// A flagDoc is what the reference and the man page say of a flag.
type flagDoc struct {
	names     []string // with their dashes
	value     string   // what its value is called, "" for none
	usage     string
	standard  string // its value when it is not given, "" for none
	variables []string
}

func documentFlag(f cli.Flag) flagDoc {
	var d flagDoc
	d.usage, d.value = complete.Usage(f)
	for _, n := range f.Names() {
		dashes := "--"
		if len(n) == 1 {
			dashes = "-"
		}
		d.names = append(d.names, dashes+n)
	}
	if doc, ok := f.(cli.DocGenerationFlag); ok {
		d.variables = doc.GetEnvVars()
		if doc.TakesValue() {
			d.standard = strings.Trim(doc.GetDefaultText(), `"`)
		}
	}
	return d
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func upper(verb, s string) string {
	if strings.HasPrefix(s, verb+" ") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// TestHelp holds the help of each command to what the reference lists.
func TestHelp(t *testing.T) {
	for _, cmd := range documented() {
		var out bytes.Buffer
		line := append(append([]string{"setup-mesh"}, strings.Fields(cmd.Name)...), "--help")
		code := run(t.Context(), environment{args: line, stdout: &out, stderr: &out, getenv: os.Getenv})
		if code != 0 {
			t.Errorf("%s --help exits %d", cmd.Name, code)
		}
		for _, f := range cmd.Flags {
			if !strings.Contains(out.String(), "--"+f.Names()[0]) {
				t.Errorf("%s --help does not mention --%s:\n%s", cmd.Name, f.Names()[0], out.String())
			}
		}
	}
}
