package workdir

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// A Report says what prep found and made.
type Report struct {
	Files    []File // in the order in which to show them
	MeshID   string
	Clusters int // in topology.yaml
	Root     RootFacts
}

// A File is one file of the work directory.
type File struct {
	File   string // such as certs/root-key.pem
	Name   string // the same, as the user would type it
	Action Action
	Notes  []string // what the user should know about it; mostly none
}

// An Action is what became of a file.
type Action string

// What became of a file.
const (
	Created Action = "created"
	Kept    Action = "kept"
	Absent  Action = "absent" // the root key, where it is kept elsewhere
)

// RootFacts are what people want to know of the root.
type RootFacts struct {
	Name        string // its subject
	Mesh        string // that it was made for; "" if it was made elsewhere
	Algorithm   string
	Fingerprint string
	NotAfter    time.Time
	Signing     SigningFacts // zero where the root itself signs
}

// SigningFacts are what people want to know of a CA that signs in place of the root.
type SigningFacts struct {
	Name      string
	Algorithm string
	NotAfter  time.Time
}

// Prepare makes what is missing of a work directory, and changes nothing that is
// there. It judges everything before it writes anything, and leaves either all
// files or none of those it would have made. Only a kill between two files can
// leave some; the root key comes before its certificate then, and the next
// Prepare says so. Of several at once, one makes the files, and the others wait
// for it as long as ctx allows.
func Prepare(ctx context.Context, o Options) (Report, error) {
	if err := o.check(); err != nil {
		return Report{}, err
	}
	dir, err := openOrMake(o.Dir)
	if err != nil {
		return Report{}, err
	}
	defer dir.Close()
	unlock, err := dir.lock(ctx)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	if err := dir.sweep(); err != nil {
		return Report{}, err
	}
	p := preparation{o: o, dir: dir}
	if err := p.judge(ctx); err != nil {
		return Report{}, err
	}
	if len(p.create) > 0 {
		if err := dir.createAll(ctx, p.create); err != nil {
			return Report{}, err
		}
	}
	return p.report, nil
}

// A preparation is one run of [Prepare].
type preparation struct {
	o      Options
	dir    *Dir
	report Report
	create []newFile // in the order in which to make them
}

// judge reads what is there and decides what to make. It writes nothing.
func (p *preparation) judge(ctx context.Context) error {
	if err := p.o.missing(!p.dir.has(TopologyFile), !p.dir.hasRoot()); err != nil {
		return err
	}
	mesh, err := p.judgeTopology()
	if err != nil {
		return err
	}
	base, err := p.judgeBase()
	if err != nil {
		return err
	}
	ignore := p.judgeIgnore()
	p.plan(mesh, topology.Template(p.report.MeshID, p.o.Contexts...))
	if p.o.Base == nil {
		p.o.Base = manifest.Template()
	}
	p.plan(base, p.o.Base)
	p.plan(ignore, []byte(ignoreRules)) // before the key, which git must not see
	root, err := p.judgeRoot(ctx)
	if err != nil {
		return err
	}
	p.report.Files = slices.Concat([]File{mesh, base}, root, []File{ignore})
	return nil
}

// plan puts a file on the list if it is to be made.
func (p *preparation) plan(f File, data []byte) {
	if f.Action == Created {
		p.create = append(p.create, newFile{f.File, data, 0o644})
	}
}

// judgeFile looks whether a file is there.
func (p *preparation) judgeFile(file string) File {
	f := File{File: file, Name: p.dir.Path(file), Action: Created}
	if p.dir.has(file) {
		f.Action = Kept
	}
	return f
}

// judgeBase says so where base.yaml is there and is not what was asked for.
func (p *preparation) judgeBase() (File, error) {
	f := p.judgeFile(BaseFile)
	if f.Action == Created || p.o.Base == nil {
		return f, nil
	}
	have, err := p.dir.read(BaseFile, nil)
	if err == nil && !bytes.Equal(have, p.o.Base) {
		f.Notes = append(f.Notes, "is not "+p.o.BaseName+": it was there already, and stays as it is")
	}
	return f, err
}

// judgeTopology finds out which mesh this is.
func (p *preparation) judgeTopology() (File, error) {
	f := p.judgeFile(TopologyFile)
	p.report.MeshID = p.o.MeshID
	if f.Action == Created {
		p.report.Clusters = len(p.o.Contexts)
		return f, nil
	}
	mesh, err := p.dir.Topology(nil)
	if err != nil {
		return f, err
	}
	if p.o.MeshID != "" && p.o.MeshID != mesh.ID {
		return f, wrong(f.Name, fmt.Sprintf("mesh_id is %q, but the mesh asked for is %q", mesh.ID, p.o.MeshID),
			"a work directory is for one mesh: use another with --dir, or leave MESH_ID and --mesh-id out")
	}
	p.report.MeshID, p.report.Clusters = mesh.ID, len(mesh.Clusters)
	for _, c := range p.o.Contexts {
		if !slices.ContainsFunc(mesh.Clusters, func(have topology.Cluster) bool { return have.Context == c }) {
			f.Notes = append(f.Notes, fmt.Sprintf("does not have context %q: it was there already, and stays as it is", c))
		}
	}
	return f, nil
}
