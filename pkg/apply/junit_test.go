package apply

import (
	"encoding/xml"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// junit is what a program that knows the format reads.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Cases []struct {
			Name  string `xml:"name,attr"`
			Class string `xml:"classname,attr"`
			Fail  *struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Error *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnit(t *testing.T) {
	const evil = "<b>&\"]]>\x1b\xff"
	m := askedMesh(t, twoClusters)
	m.world.Clusters[1].Unreached = errors.New("i/o timeout " + evil)
	delete(m.probes, "west")
	m.probe("east", func(p *check.Probe) {
		p.Credentials["west"] = &object.Error{Class: object.Unauthorized, Op: "try", Message: "its token was refused"}
	})
	p := NewPlan(WantedMesh(t, twoClusters, TestBase), m.world, plan.Options{})
	text, err := status.JUnit(p, m.probes)
	if err != nil {
		t.Fatal(err)
	}
	var got junit
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatalf("it is not well-formed: %v\n%s", err, text)
	}
	var said, names []string
	n := 0
	for _, s := range got.Suites {
		for _, c := range s.Cases {
			n++
			if c.Class != "setup-mesh."+s.Name {
				t.Errorf("class %q in suite %q", c.Class, s.Name)
			}
			names = append(names, s.Name+" "+c.Name)
			if c.Fail != nil {
				said = append(said, s.Name+" "+c.Name+" fails ("+c.Fail.Type+"): "+c.Fail.Message+" / "+c.Fail.Text)
			}
			if c.Error != nil {
				said = append(said, s.Name+" "+c.Name+" is unknown: "+c.Error.Message+" / "+c.Error.Text)
			}
		}
	}
	const shown = "<b>&\"]]>\ufffd\ufffd"
	want := []string{
		"east discovery/credential-valid fails (problem): cannot read west: try: its token was refused / east: cannot read west: try: its token was refused\nfix: setup-mesh apply\n",
		"west cluster/reached is unknown: not reached: i/o timeout " + shown + " / west: not reached: i/o timeout " + shown + "\nfix: setup-mesh status, once it answers\n",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Failures != 1 || got.Errors != 1 || got.Tests != n {
		t.Errorf("%d cases, %d failures, %d errors", got.Tests, got.Failures, got.Errors)
	}
	for _, name := range []string{"east discovery/synced", "east trust/certificate", "east gateway/answers", "west cluster/reached"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no case %s: %q", name, names)
		}
	}
	if slices.Contains(names, "west discovery/synced") {
		t.Error("what does not apply to a cluster is a case that passes")
	}
}
