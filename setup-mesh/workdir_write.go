package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
)

// A staged file has its content on disk under a temporary name, in the directory
// where it is to be published.
type staged struct {
	w    *workDir
	file string // such as certs/root-key.pem
	temp string
}

// temporary is what the temporary names look like.
var temporary = regexp.MustCompile(`^\.setup-mesh-[A-Z2-7]+\.tmp$`)

// stage writes a file under a temporary name, and to the disk. A private file has
// mode 0600 whatever the umask; others have what the umask leaves of 0644, but at
// least that.
func (w *workDir) stage(file string, data []byte, private bool) (*staged, error) {
	s := &staged{w: w, file: file, temp: ".setup-mesh-" + rand.Text() + ".tmp"}
	perm := fs.FileMode(0o644)
	if private {
		perm = 0o600
	}
	dir, _ := w.at(file)
	f, err := dir.OpenFile(s.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, perm)
	if err != nil {
		return nil, w.fail(file, err)
	}
	err = fill(f, data, perm)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, errors.Join(w.fail(file, err), s.discard())
	}
	return s, nil
}

func fill(f *os.File, data []byte, perm fs.FileMode) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Chmod(info.Mode().Perm()&perm | 0o600); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// publish gives a staged file its name. It never replaces a file: a link, unlike
// a rename, fails if the name is taken. After an error the name is as it was.
func (s *staged) publish() error {
	dir, base := s.w.at(s.file)
	err := dir.Link(s.temp, base)
	if noLinks(err) {
		if _, lerr := dir.Lstat(base); errors.Is(lerr, fs.ErrNotExist) {
			err = dir.Rename(s.temp, base)
		} else {
			err = errors.Join(lerr, fs.ErrExist)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return s.w.fail(s.file, withHint(errors.New("was made by somebody else in this moment"), "run setup-mesh prep again"))
	}
	if err != nil {
		return s.w.fail(s.file, err)
	}
	if err := errors.Join(s.discard(), s.w.syncDirOf(s.file)); err != nil {
		return errors.Join(err, s.retract())
	}
	return nil
}

// discard removes the temporary name, if it is still there.
func (s *staged) discard() error { return s.w.remove(s.file, s.temp) }

// retract removes what publish published a moment ago.
func (s *staged) retract() error {
	_, base := s.w.at(s.file)
	return s.w.remove(s.file, base)
}

// remove removes a name next to file; it may be gone already.
func (w *workDir) remove(file, name string) error {
	dir, _ := w.at(file)
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w.fail(file, fmt.Errorf("remove %s: %w", name, cause(err)))
	}
	return nil
}

func (w *workDir) syncDirOf(file string) error {
	dir, _ := w.at(file)
	d, err := dir.Open(".")
	if err != nil {
		return w.fail(file, err)
	}
	defer d.Close()
	if err := syncDir(d); err != nil {
		return w.fail(file, err)
	}
	return nil
}

// makeCerts makes the sub-directory certs if there is none.
func (w *workDir) makeCerts() error {
	if w.certs != nil {
		return nil
	}
	if err := w.root.Mkdir(certsDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return w.fail(certsDir, err)
	} else if err == nil {
		if err := w.root.Chmod(certsDir, 0o700); err != nil { // the umask may have taken that away
			return w.fail(certsDir, err)
		}
	}
	return w.openCerts()
}

// sweep removes temporary files that a killed prep left behind, for they may hold
// a key. The caller holds the lock, so that they are nobody's.
func (w *workDir) sweep() error {
	var errs []error
	for _, file := range []string{topologyFile, rootKeyFile} {
		dir, _ := w.at(file)
		if dir == nil {
			continue
		}
		entries, err := fs.ReadDir(dir.FS(), ".")
		if err != nil {
			return w.fail(file, err)
		}
		for _, e := range entries {
			if temporary.MatchString(e.Name()) && e.Type().IsRegular() {
				errs = append(errs, w.remove(file, e.Name()))
			}
		}
	}
	return errors.Join(errs...)
}
