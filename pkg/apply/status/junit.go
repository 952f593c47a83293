package status

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// The elements of a report that CI systems agree on:
// https://github.com/testmoapp/junitxml
type (
	junitReport struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Tests   int          `xml:"tests,attr"`
		Fails   int          `xml:"failures,attr"`
		Errors  int          `xml:"errors,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name   string      `xml:"name,attr"`
		Tests  int         `xml:"tests,attr"`
		Fails  int         `xml:"failures,attr"`
		Errors int         `xml:"errors,attr"`
		Cases  []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name  string       `xml:"name,attr"`
		Class string       `xml:"classname,attr"`
		Fail  *junitResult `xml:"failure"`
		Error *junitResult `xml:"error"`
		Out   string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit is the verdict of every check that applies to a cluster of p: a suite for each
// cluster, a case for each check. What is wrong is a failure with its remedies; what is
// unknown is an error, since nobody knows whether it is well. Warnings that a status
// notes are the output of a case that passes.
func JUnit(p *plan.Plan, probes map[string]check.Probe) ([]byte, error) {
	e := check.NewEvidence(p, nil, probes)
	out := junitReport{Name: "setup-mesh status " + p.Mesh}
	for _, c := range p.Clusters {
		suite := suiteOf(e, c)
		out.Tests, out.Fails, out.Errors = out.Tests+suite.Tests, out.Fails+suite.Fails, out.Errors+suite.Errors
		out.Suites = append(out.Suites, suite)
	}
	body, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the JUnit report: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func suiteOf(e *check.Evidence, c *plan.Cluster) junitSuite {
	suite := junitSuite{Name: c.Name}
	for _, one := range slices.Concat(check.PlanChecks(), component.StatusChecks()) {
		if !one.Applies(e, c) {
			continue
		}
		var problems, notes []plan.Finding
		for _, f := range one.Judge(e, c) {
			f.ID, f.Cluster = one.ID, c.Name
			switch {
			case one.Severity != check.Warns || f.Unknown:
				problems = append(problems, f)
			case notedByStatus(f):
				notes = append(notes, f)
			}
		}
		got := junitCase{Name: one.ID, Class: "setup-mesh." + c.Name, Out: junitText(notes)}
		switch {
		case len(problems) == 0:
		case slices.ContainsFunc(problems, func(f plan.Finding) bool { return !f.Unknown }):
			got.Fail = &junitResult{Message: problems[0].Message, Type: string(one.Severity), Text: junitText(problems)}
			suite.Fails++
		default:
			got.Error = &junitResult{Message: problems[0].Message, Type: "unknown", Text: junitText(problems)}
			suite.Errors++
		}
		suite.Tests++
		suite.Cases = append(suite.Cases, got)
	}
	return suite
}

// junitText lists findings, each with its remedy.
func junitText(findings []plan.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Cluster, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(&b, "fix: %s\n", f.Hint)
		}
		b.WriteString(f.Detail)
	}
	return b.String()
}
