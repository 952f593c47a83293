package main

import (
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
)

const settingsIntro = `<!-- Generated from pkg/topology/legacy by "make docs": do not edit. -->

# base.yaml of another time

base.yaml is an IstioControlPlane of Istio 1.4 or an IstioOperator of any later Istio,
as it is. What stands in the [reference of today's
IstioOperator](https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/) means
what it says there, but for [what topology.yaml decides](topology.md). This is what became
of everything else. ` + "`setup-mesh migrate`" + ` prints a file with all of it carried out,
` + "`setup-mesh explain PATH`" + ` says the same of one setting, and editors complete the file
with [base.schema.json](base.schema.json).

What asks for nothing today, such as the defaults of its time, is taken without a word.
Where the mesh would not do what the file says, there is a warning at the line, and where it
would be less safe or have other identities, an error that says what to write instead.

| setting, below spec | today | asks for nothing |
|---|---|---|
`

// settings is the page about what became of settings.
func settings() []byte {
	var b strings.Builder
	b.WriteString(settingsIntro)
	for _, r := range legacy.Rows() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.From, r.Today, r.Quiet)
	}
	return []byte(b.String())
}
