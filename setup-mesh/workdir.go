package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The files of a work directory.
const (
	topologyFile  = "topology.yaml"
	baseFile      = "base.yaml"
	certsDir      = "certs"
	rootCertFile  = certsDir + "/root-cert.pem"
	rootKeyFile   = certsDir + "/root-key.pem"
	gitignoreFile = ".gitignore"
)

// A workDir is the directory with the user's files, opened once: whatever
// happens to its name afterwards, the same directory is used. Symbolic links in
// it are refused, as is a directory that everybody may write to, for the root key
// lives there. Opening one changes nothing.
type workDir struct {
	path  string   // as the user typed it
	root  *os.Root // the directory
	certs *os.Root // its sub-directory certs; nil while there is none
}

// openWorkDir opens an existing work directory; "" is the current one. The caller
// closes it.
func openWorkDir(path string) (*workDir, error) {
	w := &workDir{path: filepath.Clean(path)}
	if err := w.checkParent(); err != nil {
		return nil, err
	}
	info, err := os.Lstat(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, withHint(fmt.Errorf("work directory %s: does not exist", w.path), "setup-mesh prep makes one")
	}
	if err == nil {
		err = checkDir(info)
	}
	if err != nil {
		return nil, w.fail("", err)
	}
	if w.root, err = os.OpenRoot(w.path); err != nil {
		return nil, w.fail("", err)
	}
	if err := same(w.root, info); err != nil {
		w.Close()
		return nil, w.fail("", err)
	}
	if err := w.openCerts(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// createWorkDir is openWorkDir, after it made the directory if there was none.
// Its parent must exist.
func createWorkDir(path string) (*workDir, error) {
	w := &workDir{path: filepath.Clean(path)}
	if err := w.checkParent(); err != nil {
		return nil, err
	}
	switch err := os.Mkdir(w.path, 0o700); {
	case err == nil:
		if err := os.Chmod(w.path, 0o700); err != nil { // the umask may have taken that away
			return nil, fmt.Errorf("make work directory %s: %w", w.path, cause(err))
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("make work directory %s: %w", w.path, cause(err))
	}
	return openWorkDir(path)
}

func (w *workDir) Close() {
	if w.certs != nil {
		w.certs.Close()
	}
	if w.root != nil {
		w.root.Close()
	}
}

// name is the name of one of its files, as the user would type it.
func (w *workDir) name(file string) string { return filepath.Join(w.path, filepath.FromSlash(file)) }

// fail is an error about one of its files, "" for the directory itself. In the
// hint of err, %s stands for the name of the file.
func (w *workDir) fail(file string, err error) error {
	hint := hintOf(err)
	err = fmt.Errorf("%s: %w", w.name(file), cause(err))
	if hint != "" {
		return withHint(err, strings.ReplaceAll(hint, "%s", w.name(file)))
	}
	return err
}

// checkParent refuses a parent in which everybody may replace the work directory.
func (w *workDir) checkParent() error {
	abs, err := filepath.Abs(w.path)
	if err != nil {
		return fmt.Errorf("work directory %s: %w", w.path, err)
	}
	info, err := os.Stat(filepath.Dir(abs))
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("work directory %s: its parent %s does not exist", w.path, filepath.Dir(abs)), "mkdir -p "+filepath.Dir(abs))
	}
	if err != nil {
		return fmt.Errorf("work directory %s: its parent %s: %w", w.path, filepath.Dir(abs), cause(err))
	}
	if worldWritable(info) && info.Mode()&fs.ModeSticky == 0 {
		return withHint(fmt.Errorf("work directory %s: everybody may replace it, for its parent %s is writable for all", w.path, filepath.Dir(abs)),
			"chmod o-w "+filepath.Dir(abs)+", or use another place with --dir")
	}
	return nil
}

// openCerts opens the sub-directory certs, if there is one and it is not open.
func (w *workDir) openCerts() error {
	if w.certs != nil {
		return nil
	}
	info, err := w.root.Lstat(certsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = checkDir(info)
	}
	if err != nil {
		return w.fail(certsDir, err)
	}
	certs, err := w.root.OpenRoot(certsDir)
	if err != nil {
		return w.fail(certsDir, err)
	}
	if err := same(certs, info); err != nil {
		certs.Close()
		return w.fail(certsDir, err)
	}
	w.certs = certs
	return nil
}

// checkDir says why a directory cannot be trusted to keep keys.
func checkDir(info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return withHint(errors.New("is a symbolic link"), "put the directory itself in place of %s")
	case !info.IsDir():
		return errors.New("is not a directory")
	case worldWritable(info):
		return withHint(errors.New("is writable for everybody, and keeps the root key"), "chmod o-w %s")
	}
	return nil
}

// same says whether root is the directory that info was about.
func same(root *os.Root, info fs.FileInfo) error {
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(opened, info) {
		err = errors.New("was replaced while it was opened")
	}
	return err
}

// lockEvery is how often a lock held by somebody else is tried again.
const lockEvery = 20 * time.Millisecond

// lock waits until no other setup-mesh writes to the directory. The lock goes
// with the process. Where directories cannot be locked (some network file
// systems) it does nothing: writing never replaces a file in any case.
func (w *workDir) lock(ctx context.Context) (unlock func(), err error) {
	d, err := w.root.Open(".")
	if err != nil {
		return nil, w.fail("", err)
	}
	retry := time.NewTicker(lockEvery)
	defer retry.Stop()
	for {
		held, err := tryLock(d)
		if err != nil {
			d.Close()
			return nil, w.fail("", fmt.Errorf("lock: %w", err))
		}
		if !held {
			return func() { d.Close() }, nil
		}
		select {
		case <-ctx.Done():
			d.Close()
			return nil, w.fail("", fmt.Errorf("wait for another setup-mesh that is writing here: %w", context.Cause(ctx)))
		case <-retry.C:
		}
	}
}
