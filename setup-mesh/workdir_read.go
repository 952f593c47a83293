package main

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

// readTopology reads topology.yaml. contexts are those of the kubeconfig, nil where
// they do not matter. Mistakes in it are [topology.Problems].
func (w *workDir) readTopology(contexts []string) (*topology.Mesh, error) {
	data, err := w.read(topologyFile, nil)
	if err != nil {
		return nil, err
	}
	return topology.ParseMesh(w.name(topologyFile), data, contexts)
}

// readBase reads base.yaml. Mistakes in it are [topology.Problems].
func (w *workDir) readBase() (*manifest.Base, error) {
	data, err := w.read(baseFile, nil)
	if err != nil {
		return nil, err
	}
	return manifest.ParseBase(w.name(baseFile), data)
}

// readRoot reads the root of the mesh. Its key may be absent, as it is where the
// root is kept elsewhere: everything works without it but adding a cluster and
// renewing an intermediate. A key that others can read is an error.
func (w *workDir) readRoot() (*certs.Root, error) {
	cert, err := w.read(rootCertFile, nil)
	if errors.Is(err, fs.ErrNotExist) && w.has(rootKeyFile) {
		return nil, w.keyWithoutCert()
	}
	if err != nil {
		return nil, err
	}
	var key *certs.Secret
	switch data, err := w.read(rootKeyFile, checkPrivate); {
	case err == nil:
		s := certs.NewSecret(data)
		clear(data)
		key = &s
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	root, err := certs.ParseRoot(cert, key)
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		err := fmt.Errorf("%s: %w", w.name(path.Join(certsDir, e.File)), e.Err)
		if e.Hint != "" {
			return nil, withHint(err, e.Hint)
		}
		return nil, err
	}
	return root, err
}

// keyWithoutCert is the error about half a root: the half that says whose it is
// is missing.
func (w *workDir) keyWithoutCert() error {
	return withHint(fmt.Errorf("%s: is there, but %s is not", w.name(rootKeyFile), w.name(rootCertFile)),
		fmt.Sprintf("put the certificate back if any cluster was set up with it; if prep was interrupted the first time it ran, "+
			"no cluster knows the key: remove %s and run setup-mesh prep again", w.name(rootKeyFile)))
}

// has says whether there is something of that name, whatever it is.
func (w *workDir) has(file string) bool {
	dir, base := w.at(file)
	if dir == nil {
		return false
	}
	_, err := dir.Lstat(base)
	return !errors.Is(err, fs.ErrNotExist)
}

// at is the directory that a file is in, nil if it does not exist, and the file's
// name there.
func (w *workDir) at(file string) (*os.Root, string) {
	dir, base := path.Split(file)
	if dir != "" {
		return w.certs, base
	}
	return w.root, base
}

// read reads a file that must be one, not a link to one, after check (unless
// nil) has agreed with its owner and mode. An absent file is fs.ErrNotExist.
func (w *workDir) read(file string, check func(fs.FileInfo) error) ([]byte, error) {
	absent := withHint(fs.ErrNotExist, "setup-mesh prep writes one")
	dir, base := w.at(file)
	if dir == nil {
		return nil, w.fail(file, absent)
	}
	named, err := dir.Lstat(base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, w.fail(file, absent)
	case err != nil:
		return nil, w.fail(file, err)
	case named.Mode()&fs.ModeSymlink != 0:
		return nil, w.fail(file, withHint(errors.New("is a symbolic link"), "put the file itself in place of %s"))
	case !named.Mode().IsRegular():
		return nil, w.fail(file, errors.New("is not a file"))
	}
	f, err := dir.OpenFile(base, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, w.fail(file, err)
	}
	defer f.Close()
	data, err := readChecked(f, named, check)
	if err != nil {
		return nil, w.fail(file, err)
	}
	return data, nil
}

// readChecked reads f, which must be what named was about.
func readChecked(f *os.File, named fs.FileInfo, check func(fs.FileInfo) error) ([]byte, error) {
	opened, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(named, opened) {
		return nil, errors.New("was replaced while it was opened")
	}
	if check != nil {
		if err := check(opened); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
