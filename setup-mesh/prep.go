package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// prepOptions are what prep is asked for.
type prepOptions struct {
	Dir    string // "" is the current directory
	MeshID string // may be empty if topology.yaml is there
	Org    string // may be empty if the root is there
	Now    time.Time
	Rand   io.Reader
}

// A prepReport says what prep found and made.
type prepReport struct {
	Files    []prepFile // in the order in which to show them
	MeshID   string
	Clusters int // in topology.yaml
	Root     rootFacts
}

// A prepFile is one file of the work directory.
type prepFile struct {
	File   string // such as certs/root-key.pem
	Name   string // the same, as the user would type it
	Action prepAction
	Notes  []string // what the user should know about it; mostly none
}

// A prepAction is what became of a file.
type prepAction string

const (
	prepCreated prepAction = "created"
	prepKept    prepAction = "kept"
	prepAbsent  prepAction = "absent" // the root key, where it is kept elsewhere
)

// rootFacts are what people want to know of the root.
type rootFacts struct {
	Name        string // its subject
	Mesh        string // that it was made for; "" if it was made elsewhere
	Algorithm   string
	Fingerprint string
	NotAfter    time.Time
}

// prep makes what is missing of a work directory, and changes nothing that is
// there. It judges everything before it writes anything, and leaves either all
// files or none of those it would have made. Only a kill between two files can
// leave some; the root key comes before its certificate then, and the next prep
// says so.
func prep(ctx context.Context, o prepOptions) (prepReport, error) {
	if err := o.check(); err != nil {
		return prepReport{}, err
	}
	w, err := createWorkDir(o.Dir)
	if err != nil {
		return prepReport{}, err
	}
	defer w.Close()
	unlock, err := w.lock(ctx)
	if err != nil {
		return prepReport{}, err
	}
	defer unlock()
	p := preparation{o: o, w: w}
	for _, step := range []func() error{w.openCerts, w.sweep, p.judge, func() error { return p.write(ctx) }} {
		if err := step(); err != nil {
			return prepReport{}, err
		}
	}
	return p.report, nil
}

// check judges the options before a directory is made for their sake.
func (o prepOptions) check() error {
	if _, err := os.Lstat(filepath.Clean(o.Dir)); errors.Is(err, fs.ErrNotExist) {
		if err := o.missing(true, true); err != nil {
			return err
		}
	}
	var errs []error
	if o.MeshID != "" {
		errs = append(errs, checkMeshID(o.MeshID))
	}
	if o.Org != "" {
		if err := certs.CheckName(o.Org); err != nil {
			errs = append(errs, fmt.Errorf("organization: %w", err))
		}
	}
	return errors.Join(errs...)
}

// missing says which of the options that are needed was not given.
func (o prepOptions) missing(needMesh, needOrg bool) error {
	needMesh, needOrg = needMesh && o.MeshID == "", needOrg && o.Org == ""
	switch {
	case needMesh && needOrg:
		return withHint(errors.New("the names of the mesh and of the organization are missing"),
			"setup-mesh prep --mesh-id mymeshname --org example.com, or set MESH_ID and ORG_NAME")
	case needMesh:
		return withHint(errors.New("the name of the mesh is missing"), "--mesh-id mymeshname, or set MESH_ID")
	case needOrg:
		return withHint(errors.New("the name of the organization, for the root certificate, is missing"), "--org example.com, or set ORG_NAME")
	}
	return nil
}

// checkMeshID says why topology.yaml cannot hold a mesh ID, in its own words.
func checkMeshID(id string) error {
	mesh, err := topology.ParseMesh(topologyFile, topology.Template(id), nil)
	if ps, ok := errors.AsType[topology.Problems](err); ok && len(ps) > 0 {
		err := fmt.Errorf("mesh ID %q: %s", id, ps[0].Message)
		if ps[0].Hint != "" {
			return withHint(err, ps[0].Hint)
		}
		return err
	}
	if err == nil && mesh.ID != id {
		return fmt.Errorf("mesh ID %q: reads as %q in %s", id, mesh.ID, topologyFile)
	}
	return err
}

// A preparation is one run of prep.
type preparation struct {
	o      prepOptions
	w      *workDir
	report prepReport
	create []newFile // in the order in which to publish them
}

// A newFile is one that prep will make.
type newFile struct {
	file    string
	data    []byte
	private bool
}

// judge reads what is there and decides what to make. It writes nothing.
func (p *preparation) judge() error {
	needRoot := !p.w.has(rootCertFile) && !p.w.has(rootKeyFile)
	if err := p.o.missing(!p.w.has(topologyFile), needRoot); err != nil {
		return err
	}
	mesh, err := p.judgeTopology()
	if err != nil {
		return err
	}
	base := p.judgeFile(baseFile)
	ignore := p.judgeIgnore()
	p.plan(mesh, topology.Template(p.report.MeshID))
	p.plan(base, manifest.Template())
	p.plan(ignore, []byte(ignoreRules)) // before the key, which git must not see
	cert, key, err := p.judgeRoot()
	if err != nil {
		return err
	}
	p.report.Files = []prepFile{mesh, base, cert, key, ignore}
	return nil
}

// plan puts a file on the list if it is to be made.
func (p *preparation) plan(f prepFile, data []byte) {
	if f.Action == prepCreated {
		p.create = append(p.create, newFile{file: f.File, data: data})
	}
}

// judgeFile looks whether a file is there.
func (p *preparation) judgeFile(file string) prepFile {
	f := prepFile{File: file, Name: p.w.name(file), Action: prepCreated}
	if p.w.has(file) {
		f.Action = prepKept
	}
	return f
}

// judgeTopology finds out which mesh this is.
func (p *preparation) judgeTopology() (prepFile, error) {
	f := p.judgeFile(topologyFile)
	p.report.MeshID = p.o.MeshID
	if f.Action == prepCreated {
		return f, nil
	}
	mesh, err := p.w.readTopology(nil)
	if err != nil {
		return f, err
	}
	if p.o.MeshID != "" && p.o.MeshID != mesh.ID {
		return f, withHint(fmt.Errorf("%s: mesh_id is %q, but the mesh asked for is %q", f.Name, mesh.ID, p.o.MeshID),
			"a work directory is for one mesh: use another with --dir, or leave MESH_ID and --mesh-id out")
	}
	p.report.MeshID, p.report.Clusters = mesh.ID, len(mesh.Clusters)
	return f, nil
}

// write makes the files: first all of them under temporary names, where a full
// disk shows, then one by one under their own.
func (p *preparation) write(ctx context.Context) (err error) {
	if len(p.create) == 0 {
		return nil
	}
	if err := p.w.makeCerts(); err != nil {
		return err
	}
	var all []*staged
	defer func() {
		for _, s := range all {
			err = errors.Join(err, s.discard())
		}
	}()
	for _, f := range p.create {
		s, err := p.w.stage(f.file, f.data, f.private)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	return publishAll(ctx, all)
}

// publishAll publishes every file, or none.
func publishAll(ctx context.Context, all []*staged) error {
	for i, s := range all {
		err := context.Cause(ctx)
		if err == nil {
			err = s.publish()
		}
		if err != nil {
			for _, done := range all[:i] {
				err = errors.Join(err, done.retract())
			}
			return err
		}
	}
	return nil
}
