package workdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// A newFile is one that prep will make.
type newFile struct {
	file string
	data []byte
	perm fs.FileMode
}

// createAll makes every file, or none. An existing one is an error.
func (d *Dir) createAll(ctx context.Context, files []newFile) error {
	if err := d.makeCerts(); err != nil {
		return err
	}
	for i, f := range files {
		err := context.Cause(ctx)
		if err == nil {
			err = d.create(f)
		}
		if err != nil {
			for _, made := range files[:i] {
				err = errors.Join(err, d.remove(made.file))
			}
			return err
		}
	}
	return nil
}

func (d *Dir) create(f newFile) error {
	err := write(d.files, f.file, f.data, f.perm, linkNew)
	if errors.Is(err, fs.ErrExist) {
		return wrong(d.Path(f.file), "was created by another process just now", "run setup-mesh prep again")
	}
	if err != nil {
		return about(d.Path(f.file), err)
	}
	return nil
}

func (d *Dir) remove(file string) error {
	if err := d.files.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %w", about(d.Path(file), err))
	}
	return nil
}

// makeCerts makes the sub-directory certs if there is none.
func (d *Dir) makeCerts() error {
	err := d.files.Mkdir(certsDir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return d.checkCerts()
	}
	if err == nil {
		err = d.files.Chmod(certsDir, 0o700) // the umask may have taken that away
	}
	if err != nil {
		return about(d.Path(certsDir), err)
	}
	return nil
}

// sweep removes temporary files that a killed prep left behind, for they may hold
// a key. The caller holds the lock, so no prep is still writing them.
func (d *Dir) sweep() error {
	var errs []error
	for _, pattern := range []string{"", certsDir + "/"} {
		names, err := fs.Glob(d.files.FS(), pattern+tempPrefix+"*"+tempSuffix)
		if err != nil {
			return about(d.path, err)
		}
		for _, name := range names {
			errs = append(errs, d.remove(name))
		}
	}
	return errors.Join(errs...)
}
