package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

//go:generate go test -run ^TestManPage$ . -update

const manPage = "../docs/setup-mesh.1"

// exitCodes are those of docs/commands.md.
func exitCodes(t *testing.T) [][2]string {
	t.Helper()
	var out [][2]string
	for _, line := range strings.Split(commandsIntro, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) == 4 && strings.Trim(cells[1], " 0123456789") == "" {
			out = append(out, [2]string{strings.TrimSpace(cells[1]), strings.ReplaceAll(strings.TrimSpace(cells[2]), "`", "")})
		}
	}
	if len(out) != 5 {
		t.Fatalf("exit codes: %q", out)
	}
	return out
}

// TestManPage checks that docs/setup-mesh.1 is what the flags say, and that groff
// takes it where it is installed.
func TestManPage(t *testing.T) {
	got := manOf(t)
	if *update {
		if err := os.WriteFile(manPage, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/setup-mesh.1 is not current: make docs (-file +flags):\n%s", diff)
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Log("groff is not installed: whether it takes the page was not tried")
		return
	}
	cmd := exec.Command(groff, "-man", "-ww", "-Tascii", "-P-cbou", manPage)
	var text, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("groff: %v\n%s", err, &complaints)
	}
	for _, words := range []string{"--from CLUSTER", "130", "WORKDIR", ".kube/config"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
}

func manOf(t *testing.T) []byte {
	var b bytes.Buffer
	app := newApp(environment{getenv: os.Getenv})
	b.WriteString(".\\\" Generated from the flags by \"make docs\": do not edit.\n.TH SETUP\\-MESH 1\n.SH NAME\n")
	fmt.Fprintf(&b, "setup\\-mesh \\- %s\n.SH SYNOPSIS\n.B setup\\-mesh\n.I COMMAND\n[\\fIflags\\fR]\n.SH DESCRIPTION\n", roff(app.Usage))
	b.WriteString(roff("Flags stand after the command. A flag that names a variable takes its value from there when it is not given. "+
		"The answer goes to standard output, the conversation (progress, questions, warnings, errors) to standard error.") + "\n.SH COMMANDS\n")
	for _, cmd := range documented() {
		manCommand(&b, cmd)
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, c := range exitCodes(t) {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", c[0], roff(c[1]))
	}
	b.WriteString(".SH FILES\n")
	for _, f := range [][2]string{
		{"topology.yaml", "the clusters of the mesh, by their contexts"},
		{"base.yaml", "the IstioControlPlane that all of them have"},
		{"certs/", "the root of the mesh and its key"},
	} {
		fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", roff(f[0]), roff(f[1]))
	}
	return b.Bytes()
}

func manCommand(b *bytes.Buffer, cmd *cli.Command) {
	fmt.Fprintf(b, ".SS setup\\-mesh %s\n%s.", roff(strings.TrimSpace(cmd.Name+" "+cmd.ArgsUsage)), roff(upper(cmd.Name, cmd.Usage)))
	if cmd.Description != "" {
		b.WriteString(" " + roff(upper(cmd.Name, cmd.Description)))
	}
	if len(cmd.Aliases) > 0 {
		b.WriteString(" Also called " + roff(strings.Join(cmd.Aliases, ", ")) + ".")
	}
	b.WriteString("\n")
	for _, f := range cmd.Flags {
		d := documentFlag(f)
		var names []string
		for _, n := range d.names {
			one := "\\fB" + roff(n) + "\\fR"
			if d.value != "" {
				one += " \\fI" + roff(d.value) + "\\fR"
			}
			names = append(names, one)
		}
		if d.standard != "" {
			d.usage += " (" + d.standard + " if not given)"
		}
		if len(d.variables) > 0 {
			d.usage += " [" + strings.Join(d.variables, ", ") + "]"
		}
		fmt.Fprintf(b, ".TP\n%s\n%s\n", strings.Join(names, ", "), roff(d.usage))
	}
}

// roff is text as it is, in a man page: https://man7.org/linux/man-pages/man7/groff_char.7.html
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
