package workdir

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// maxFile is one byte more than any of the files may have, so that the parsers
// see that it is too large.
const maxFile = 1<<20 + 1

// Files is what the files say.
type Files struct {
	Mesh *topology.Mesh
	Base *manifest.Base
	Root *certs.Root
	// Rotation leads from Root to another one, nil for none.
	Rotation *certs.Rotation
	CAs      map[string][]byte // by context, as PEM; see [Dir.CAs]
	// Issued are the intermediates that were signed elsewhere below Root, by cluster;
	// NewIssued are those below the new root of a rotation.
	Issued, NewIssued map[string]*certs.Issued
	// Revoked are the CAs that are revoked, nil for none.
	Revoked *certs.Revoked
}

// Read reads all files of a mesh that has clusters. Mistakes in topology.yaml
// and base.yaml come together, joined; topology.yaml without any, and what is right of
// base.yaml, come with them.
// Contexts are as for [Dir.Topology].
func (d *Dir) Read(contexts []string) (Files, error) {
	var f Files
	var err, meshErr, baseErr error
	if f.Mesh, meshErr = d.Members(contexts); meshErr == nil {
		f.CAs, meshErr = d.CAs(f.Mesh)
	}
	f.Base, baseErr = d.Base()
	if meshErr != nil || baseErr != nil {
		return Files{Mesh: f.Mesh, Base: d.restOf(f.Base)}, errors.Join(meshErr, baseErr)
	}
	var issuedErr error
	switch f.Rotation, err = d.Rotation(); {
	case err != nil:
	case f.Rotation != nil: // at the end of which the usual files change
		f.Root = f.Rotation.Old
	default:
		f.Root, err = d.Root()
	}
	if err == nil {
		f.Revoked, err = d.Revoked(f.Root)
	}
	if f.Issued, issuedErr = d.issued(f.Mesh, false); issuedErr == nil && f.Rotation != nil {
		f.NewIssued, issuedErr = d.issued(f.Mesh, true)
	}
	return f, errors.Join(err, issuedErr)
}

// Members is [Dir.Topology] of a mesh that has clusters.
func (d *Dir) Members(contexts []string) (*topology.Mesh, error) {
	mesh, err := d.Topology(contexts)
	if err == nil && len(mesh.Clusters) == 0 {
		return nil, wrong("", mesh.File+" has no clusters",
			"add your contexts to "+mesh.File+"; to take Istio out of all clusters, run setup-mesh teardown while they are listed")
	}
	return mesh, err
}

// Topology reads topology.yaml, given the contexts that exist; nil is not
// checked. Mistakes in it are [topology.Problems].
func (d *Dir) Topology(contexts []string) (*topology.Mesh, error) {
	data, err := d.read(TopologyFile, nil)
	if err != nil {
		return nil, err
	}
	return topology.ParseMesh(d.Path(TopologyFile), data, contexts)
}

// Raw is what is in topology.yaml or base.yaml, whether or not it can be understood.
func (d *Dir) Raw(file string) ([]byte, error) { return d.read(file, nil) }

// Base reads base.yaml. Mistakes in it are [topology.Problems].
func (d *Dir) Base() (*manifest.Base, error) {
	data, err := d.read(BaseFile, nil)
	if err != nil {
		return nil, err
	}
	return manifest.ParseBase(d.Path(BaseFile), data)
}

// restOf is what is right of base.yaml where the whole is not.
func (d *Dir) restOf(base *manifest.Base) *manifest.Base {
	if base != nil {
		return base
	}
	return d.Rest()
}

// Rest is what is right of base.yaml, nil for nothing.
func (d *Dir) Rest() *manifest.Base {
	data, err := d.read(BaseFile, nil)
	if err != nil {
		return nil
	}
	return manifest.Rest(d.Path(BaseFile), data)
}

// A checker says why a file cannot be used, from its owner and mode; nil agrees.
type checker func(name string, info fs.FileInfo) error

// read reads a file of the work directory, as [readIn] does.
func (d *Dir) read(file string, check checker) ([]byte, error) {
	data, err := readIn(d.files, file, d.Path(file), check)
	if e, ok := errors.AsType[*Error](err); ok && errors.Is(err, fs.ErrNotExist) {
		e.Fix = "setup-mesh prep writes one"
	}
	return data, err
}

// readIn reads a file that must be one, not a link to one, after check (unless nil) has
// agreed with its owner and mode. An absent file is fs.ErrNotExist. Errors call it name.
func readIn(dir *os.Root, file, name string, check checker) ([]byte, error) {
	named, err := dir.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Subject: name, Err: fs.ErrNotExist}
	case err != nil:
		return nil, about(name, err)
	case named.Mode()&fs.ModeSymlink != 0:
		return nil, wrong(name, "is a symbolic link", "put the file itself in place of "+name)
	case !named.Mode().IsRegular():
		return nil, wrong(name, "is not a file", "")
	}
	f, err := dir.OpenFile(file, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, about(name, err)
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return nil, about(name, err)
	}
	if !os.SameFile(named, opened) { // os.Root follows links that stay inside
		return nil, wrong(name, "was replaced while it was opened", "")
	}
	if check != nil {
		if err := check(name, opened); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, about(name, err)
	}
	return data, nil
}
