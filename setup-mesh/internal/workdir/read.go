package workdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

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
}

// Read reads all files of a mesh that has clusters. Mistakes in topology.yaml
// and base.yaml come together, joined; what is right of base.yaml comes with them.
// Contexts are as for [Dir.Topology].
func (d *Dir) Read(contexts []string) (Files, error) {
	var f Files
	var err, meshErr, baseErr error
	if f.Mesh, meshErr = d.Members(contexts); meshErr == nil {
		f.CAs, meshErr = d.CAs(f.Mesh)
	}
	f.Base, baseErr = d.Base()
	if meshErr != nil || baseErr != nil {
		return Files{Base: d.restOf(f.Base)}, errors.Join(meshErr, baseErr)
	}
	switch f.Rotation, err = d.Rotation(); {
	case err != nil:
	case f.Rotation != nil: // at the end of which the usual files change
		f.Root = f.Rotation.Old
	default:
		f.Root, err = d.Root()
	}
	return f, err
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
	data, err := d.read(BaseFile, nil)
	if err != nil {
		return nil
	}
	return manifest.Rest(d.Path(BaseFile), data)
}

// Root reads the root of the mesh. Its key may be absent, as it is where the
// root is kept elsewhere: everything works without it but adding a cluster and
// renewing an intermediate. A key that others can read is an error.
func (d *Dir) Root() (*certs.Root, error) {
	if !d.has(RootCertFile) && d.has(RootKeyFile) {
		return nil, d.keyWithoutCert()
	}
	return d.rootAt(RootCertFile, RootKeyFile)
}

// rootAt reads a root and its key, if that is there.
func (d *Dir) rootAt(certFile, keyFile string) (*certs.Root, error) {
	cert, err := d.read(certFile, nil)
	if err != nil {
		return nil, err
	}
	var key *certs.Secret
	switch data, err := d.read(keyFile, checkPrivate); {
	case err == nil:
		s := certs.NewSecret(data)
		clear(data)
		key = &s
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	root, err := certs.ParseRoot(cert, key)
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		file := certFile
		if e.File == path.Base(RootKeyFile) {
			file = keyFile
		}
		return nil, &Error{Subject: d.Path(file), Err: e.Err, Fix: e.Hint}
	}
	return root, err
}

// keyWithoutCert is the error about half a root: the half that says which mesh
// it belongs to is missing.
func (d *Dir) keyWithoutCert() error {
	key := d.Path(RootKeyFile)
	return wrong(key, "exists, but "+d.Path(RootCertFile)+" does not",
		fmt.Sprintf("put the certificate back if any cluster was set up with it; if prep was interrupted the first time it ran, "+
			"no cluster knows the key: remove %s and run setup-mesh prep again", key))
}

// read reads a file that must be one, not a link to one, after check (unless
// nil) has agreed with its owner and mode. An absent file is fs.ErrNotExist.
func (d *Dir) read(file string, check func(name string, info fs.FileInfo) error) ([]byte, error) {
	name := d.Path(file)
	named, err := d.files.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Subject: name, Err: fs.ErrNotExist, Fix: "setup-mesh prep writes one"}
	case err != nil:
		return nil, about(name, err)
	case named.Mode()&fs.ModeSymlink != 0:
		return nil, wrong(name, "is a symbolic link", "put the file itself in place of "+name)
	case !named.Mode().IsRegular():
		return nil, wrong(name, "is not a file", "")
	}
	f, err := d.files.OpenFile(file, os.O_RDONLY|openFlags, 0)
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
