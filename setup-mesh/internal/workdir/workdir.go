// Package workdir reads and writes the user's files: topology.yaml, base.yaml
// and the root of the mesh, in one work directory.
//
// The root key lives there, so a directory that others can write to is refused,
// as is a symbolic link in the place of a file, and a key that others can read.
// Nothing is ever replaced by [Prepare]. Errors about files are [*Error], and
// mistakes in their content [topology.Problems]. Nothing is printed.
package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// The files of a work directory.
const (
	TopologyFile  = "topology.yaml"
	BaseFile      = "base.yaml"
	RootCertFile  = certsDir + "/" + certs.RootCertFile
	RootKeyFile   = certsDir + "/" + certs.RootKeyFile
	GitignoreFile = ".gitignore"

	// A CA that signs in place of the root, where there is one.
	SigningCertFile = certsDir + "/" + certs.SigningCertFile
	SigningKeyFile  = certsDir + "/" + certs.SigningKeyFile

	certsDir = "certs"
)

// A Dir is an open work directory: whatever happens to its name afterwards, the
// same directory is used.
type Dir struct {
	path  string // as the user typed it
	files *os.Root
}

// Open opens an existing work directory; "" is the current one. It changes
// nothing. The caller closes it.
func Open(path string) (*Dir, error) {
	d := &Dir{path: filepath.Clean(path)}
	if err := checkParent(d.path); err != nil {
		return nil, err
	}
	info, err := os.Lstat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong(d.path, "the work directory does not exist", "setup-mesh prep makes one")
	}
	if err != nil {
		return nil, about(d.path, err)
	}
	if err := checkDir(d.path, info); err != nil {
		return nil, err
	}
	if d.files, err = os.OpenRoot(d.path); err != nil {
		return nil, about(d.path, err)
	}
	if err := d.checkCerts(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// openOrMake is [Open], after it made the directory if there was none. Its
// parent must exist.
func openOrMake(path string) (*Dir, error) {
	path = filepath.Clean(path)
	if err := checkParent(path); err != nil {
		return nil, err
	}
	err := os.Mkdir(path, 0o700)
	if err == nil {
		err = os.Chmod(path, 0o700) // the umask may have taken that away
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, about(path, err)
	}
	return Open(path)
}

// Close releases the directory.
func (d *Dir) Close() { d.files.Close() }

// Path is the name of one of its files, as the user would type it.
func (d *Dir) Path(file string) string { return filepath.Join(d.path, filepath.FromSlash(file)) }

// has says whether there is something of that name, whatever it is.
func (d *Dir) has(file string) bool {
	_, err := d.files.Lstat(file)
	return !errors.Is(err, fs.ErrNotExist)
}

func (d *Dir) checkCerts() error {
	info, err := d.files.Lstat(certsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return about(d.Path(certsDir), err)
	}
	return checkDir(d.Path(certsDir), info)
}

// checkParent refuses a parent in which everybody can replace the work directory.
func checkParent(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return about(path, err)
	}
	parent := filepath.Dir(abs)
	info, err := os.Stat(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return wrong(path, fmt.Sprintf("the parent directory %s does not exist", parent), "mkdir -p "+parent)
	}
	if err != nil {
		return about(parent, err)
	}
	if worldWritable(info) && info.Mode()&fs.ModeSticky == 0 {
		return wrong(path, fmt.Sprintf("everybody can replace this directory, because its parent %s is world-writable", parent),
			"chmod o-w "+parent+", or use another place with --dir")
	}
	return nil
}

// checkDir says why a directory cannot be trusted to keep keys.
func checkDir(path string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return wrong(path, "is a symbolic link", "put the directory itself in place of "+path)
	case !info.IsDir():
		return wrong(path, "is not a directory", "")
	case worldWritable(info):
		return wrong(path, "is world-writable, and keeps the root key", "chmod o-w "+path)
	}
	return nil
}
