package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
)

const intro = `<!-- Generated from pkg/apply by go generate; the texts are in pkg/apply/check/checks. -->
# Checks

What ` + "`setup-mesh plan`, `apply` and `status`" + ` look at, by the name that they print.
The names are stable: scripts may rely on them, in ` + "`-o json`" + ` as ` + "`id`" + ` of ` + "`findings`,\n`refusals`, `warnings` and `notes`" + `, and ` + "`setup-mesh explain NAME`" + ` says here what one means.

- A **refusal** is known before the first write: plan and apply go no further. Status
  is not healthy.
- A **problem** is found by status, which exits 2 then.
- A **warning** is printed with a plan and stops nothing.

An answer that could not be had is a finding too, ` + "`unknown: true`" + ` in JSON: status is
not healthy, because nobody knows whether it is. In a plan it stops nothing.

`

// page is docs/checks.md.
func page() []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	b.WriteString("| check | is a | apply waits for it |\n|---|---|---|\n")
	for _, c := range component.Checks() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", c.ID, check.Anchor(c.ID), c.Kind(), waits(c))
	}
	for _, c := range component.Checks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.ID, c.Means)
		if len(c.Asks) > 0 {
			fmt.Fprintf(&b, "\nAsks for %s.\n", asked(c))
		}
	}
	return b.Bytes()
}

func waits(c check.Check) string {
	if component.Proves(c) {
		return "yes"
	}
	return ""
}

func asked(c check.Check) string {
	var out []string
	for _, q := range c.Asks {
		out = append(out, string(q))
	}
	return strings.Join(out, " and ")
}
