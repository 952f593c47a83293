// Package bundle gathers what a helper needs to see of a mesh: from all clusters, into
// one archive, and no secret.
//
// What is taken out of a cluster is listed ([kinds]): kinds of objects, and fields of
// these. Nothing else is in a bundle. Where a listed field can hold what users put
// there, such as environment variables and mesh configuration, names stay, and values
// go that are secret by their name, their place or their looks (redact.go). At the end,
// everything is searched for the values of all Secrets that were seen on the way
// ([seen]): rules may have gaps.
//
// A cluster that does not answer is said to be one; the others are gathered all the
// same. Package bundle reads, and prints nothing.
package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Contents are what a bundle is made of. What is absent is nil.
type Contents struct {
	Mesh     string
	Now      time.Time
	Versions map[string]string // of setup-mesh, and what it brings
	Topology []byte            // topology.yaml and base.yaml as they are
	Base     []byte
	Plan     *plan.Plan
	Status   *status.Status
	// Unplanned is why there is no plan, and so no status.
	Unplanned error
	Clusters  []Source
	Lines     int // of each log, from its end
}

// A Source is a cluster to gather from.
type Source struct {
	Name, Context, Namespace string
	Client                   object.Cluster // nil if Err is not
	Err                      error          // why it cannot be spoken to
}

// A Bundle is the files of an archive, by their names in order.
type Bundle struct {
	Files []File
	// Missing is what could not be had, a line each.
	Missing []string
	// Found are the names of files that held values of Secrets after all, which were
	// taken out.
	Found []string
	now   time.Time
}

// A File is one of an archive.
type File struct {
	Name    string // with slashes
	Content []byte
}

// Make gathers from all clusters at once. It returns what could be had by the end of
// ctx.
func Make(ctx context.Context, c Contents) *Bundle {
	b := &Bundle{now: c.Now}
	b.json("versions.json", c.Versions)
	b.userFiles(c)
	b.judgements(c)
	hidden := &seen{}
	gathered := make([]*Bundle, len(c.Clusters))
	var g errgroup.Group
	for i, s := range c.Clusters {
		g.Go(func() error {
			gathered[i] = gather(ctx, s, c, hidden)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	for i, of := range gathered {
		dir := path.Join("clusters", folder(c.Clusters[i].Name, i))
		for _, f := range of.Files {
			b.Files = append(b.Files, File{path.Join(dir, f.Name), f.Content})
		}
		for _, what := range of.Missing {
			b.miss("%s: %s", c.Clusters[i].Name, what)
		}
	}
	for i := range b.Files {
		content, n := hidden.scrub(b.Files[i].Content)
		if n > 0 {
			b.Files[i].Content, b.Found = content, append(b.Found, b.Files[i].Name)
		}
	}
	slices.Sort(b.Found)
	for i, what := range b.Missing {
		content, _ := hidden.scrub([]byte(what))
		b.Missing[i] = string(content)
	}
	slices.SortFunc(b.Files, func(x, y File) int { return strings.Compare(x.Name, y.Name) })
	b.Files = slices.Insert(b.Files, 0, File{"README.txt", b.index(c)})
	return b
}

// folder is where the files of a cluster are: under its name, or if that is not one of
// topology.yaml's kind, under its number.
func folder(name string, i int) string {
	plain := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	if name != "" && strings.TrimFunc(name, plain) == "" && len(name) <= 63 {
		return name
	}
	return fmt.Sprintf("cluster.%d", i+1)
}

// judgements are what setup-mesh itself makes of the clusters.
func (b *Bundle) judgements(c Contents) {
	if c.Unplanned != nil {
		why := c.Unplanned.Error()
		if _, ok := errors.AsType[topology.Problems](c.Unplanned); ok { // which quote the user's files
			why = quoted.ReplaceAllString(why, `"`+leftOut+`"`)
		}
		b.miss("plan and status: %s", why)
	}
	if c.Plan != nil {
		b.json("plan.json", c.Plan)
	}
	if c.Status != nil {
		b.json("status.json", c.Status)
	}
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// json adds a file with v, redacted.
func (b *Bundle) json(name string, v any) {
	text, err := json.Marshal(v)
	var plain any
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err == nil {
		text, err = json.MarshalIndent(redactValue(plain), "", "  ")
	}
	if err != nil {
		b.miss("%s: %v", name, err)
		return
	}
	b.add(name, append(text, '\n'))
}

func (b *Bundle) add(name string, content []byte) {
	b.Files = append(b.Files, File{name, content})
}

// miss takes note of what could not be had.
func (b *Bundle) miss(format string, args ...any) {
	b.Missing = append(b.Missing, redactText(strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")))
}
