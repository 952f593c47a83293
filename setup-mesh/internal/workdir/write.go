package workdir

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// WriteFile writes a file whole or not at all, and replaces one of that name. It
// has what the umask leaves of perm, but at least 0600 for its owner. What is
// not a file, such as a symbolic link, is an error and stays.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return about(name, err)
	}
	defer dir.Close()
	base := filepath.Base(name)
	if info, err := dir.Lstat(base); err == nil && !info.Mode().IsRegular() {
		return wrong(name, "is not a file", "name a file that can be replaced, or a new one")
	}
	if err := write(dir, base, data, perm, (*os.Root).Rename); err != nil {
		return about(name, err)
	}
	return nil
}

// WriteNew is [WriteFile] of a file that must not be there: one that is, whatever it is,
// is an error wrapping [fs.ErrExist] and stays.
func WriteNew(name string, data []byte, perm fs.FileMode) error {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return about(name, err)
	}
	defer dir.Close()
	if err := write(dir, filepath.Base(name), data, perm, linkNew); err != nil {
		return about(name, err)
	}
	return nil
}

// The names of files that are not yet written whole: in between is what no other
// file has.
const (
	tempPrefix = ".setup-mesh-"
	tempSuffix = ".tmp"
)

// write writes a file to the disk under a temporary name in the same directory,
// and has publish give it its name. After an error the name is as it was.
func write(dir *os.Root, file string, data []byte, perm fs.FileMode, publish func(dir *os.Root, temp, file string) error) error {
	temp := path.Join(path.Dir(file), tempPrefix+rand.Text()+tempSuffix)
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, perm)
	if err != nil {
		return err
	}
	err = fill(f, data, perm)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = publish(dir, temp, file)
	}
	if rerr := dir.Remove(temp); err == nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = rerr
	}
	if err != nil {
		return err
	}
	return syncDir(dir, path.Dir(file))
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

// linkNew publishes a file that must not be there: a link, unlike a rename,
// fails where the name is taken.
func linkNew(dir *os.Root, temp, file string) error {
	err := dir.Link(temp, file)
	if !noLinks(err) {
		return err
	}
	switch _, err := dir.Lstat(file); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return dir.Rename(temp, file)
}
