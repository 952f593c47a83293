package workdir

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// The files of a rotation. While [RotationFile] is there, the root of the mesh is on its
// way from the usual files to the new ones; it is the last that is written when a
// rotation begins, and the first that is removed when it has ended.
const (
	RotationFile    = certsDir + "/rotation.json"
	NewRootCertFile = certsDir + "/" + newPrefix + "root-cert.pem"
	NewRootKeyFile  = certsDir + "/" + newPrefix + "root-key.pem"
	OldRootCertFile = certsDir + "/" + oldPrefix + "root-cert.pem"
	OldRootKeyFile  = certsDir + "/" + oldPrefix + "root-key.pem"

	newPrefix = "new-" // of all files of a root
	oldPrefix = "old-"
)

// rotationFormat is the version of [RotationFile].
const rotationFormat = "setup-mesh.io/rotation/v1"

// A rotationState is what [RotationFile] says.
type rotationState struct {
	Format string      `json:"format"`
	Phase  certs.Phase `json:"phase"`
	Old    string      `json:"old"` // fingerprints
	New    string      `json:"new"`
}

// Rotation reads how far a rotation of the root is, nil where there is none. Its files
// have to be those that it began with.
func (d *Dir) Rotation() (*certs.Rotation, error) {
	data, err := d.read(RotationFile, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var state rotationState
	if err := json.Unmarshal(data, &state); err != nil || state.Format != rotationFormat {
		return nil, wrong(d.Path(RotationFile), "is not what setup-mesh writes", "put it back from a backup: it says how far the rotation of the root is")
	}
	prefix := ""
	if state.Phase == certs.NewOnly && d.holds(OldRootCertFile, state.Old) { // the end of it was begun
		prefix = oldPrefix
	}
	from, err := d.rootAs(prefix)
	if err != nil {
		return nil, err
	}
	to, err := d.rootAs(newPrefix)
	if err != nil {
		return nil, err
	}
	for _, one := range []struct{ file, want, is string }{{RootCertFile, state.Old, from.Fingerprint()}, {NewRootCertFile, state.New, to.Fingerprint()}} {
		if one.want != one.is {
			return nil, wrong(d.Path(one.file), fmt.Sprintf("holds root %s, but the rotation that %s tells of has %s there", certs.Short(one.is), d.Path(RotationFile), certs.Short(one.want)),
				"put the certificate and its key back")
		}
	}
	r, err := certs.NewRotation(state.Phase, from, to)
	if err != nil {
		return nil, wrong(d.Path(RotationFile), err.Error(), "")
	}
	return r, nil
}

// MoveRotation notes that the mesh is led to another phase.
func (d *Dir) MoveRotation(ctx context.Context, r *certs.Rotation, to certs.Phase) error {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return d.setPhase(r, to)
}

func (d *Dir) setPhase(r *certs.Rotation, to certs.Phase) error {
	data, err := json.MarshalIndent(rotationState{rotationFormat, to, r.Old.Fingerprint(), r.New.Fingerprint()}, "", "  ")
	if err != nil {
		return err
	}
	return d.put(RotationFile, append(data, '\n'), 0o644, (*os.Root).Rename)
}

// EndRotation makes the new root the mesh's, and keeps the old one beside it; or, where the
// mesh was led back, forgets the rotation and keeps the new root for another.
func (d *Dir) EndRotation(ctx context.Context, r *certs.Rotation) error {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if r.Phase == certs.NewOnly {
		if !d.holds(OldRootCertFile, r.Old.Fingerprint()) {
			if err := d.copyRoot("", oldPrefix); err != nil {
				return err
			}
		}
		if err := d.copyRoot(newPrefix, ""); err != nil {
			return err
		}
		if err := d.moveIssued(); err != nil {
			return err
		}
	}
	gone := []string{RotationFile}
	if r.Phase == certs.NewOnly {
		for _, file := range rootFiles {
			gone = append(gone, prefixed(newPrefix, file))
		}
	}
	for _, file := range gone {
		if err := d.take(file); err != nil {
			return err
		}
	}
	return nil
}

// moveIssued puts the CAs that were imported below the new root in the place of those below
// the old one.
func (d *Dir) moveIssued() error {
	names, err := fs.Glob(d.files.FS(), issuedFile("*", true))
	if err != nil {
		return about(d.Path(certsDir), err)
	}
	for _, name := range names {
		to := path.Join(certsDir, strings.TrimPrefix(path.Base(name), newPrefix))
		if err := d.files.Rename(name, to); err != nil {
			return about(d.Path(name), err)
		}
	}
	return syncDir(d.files, certsDir)
}

// take removes a file that may be there, and goes on once that is on the disk.
func (d *Dir) take(file string) error {
	err := d.files.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(d.files, certsDir)
	}
	if err != nil {
		return about(d.Path(file), err)
	}
	return nil
}

// holds says whether a file has the certificate with a fingerprint.
func (d *Dir) holds(file, fingerprint string) bool {
	cert, err := d.read(file, nil)
	if err != nil {
		return false
	}
	root, err := certs.ParseRoot(cert, nil)
	return err == nil && root.Fingerprint() == fingerprint
}

// copyRoot puts the files of one root in the place of those of another: its certificate
// last. While that is cut off, [RotationFile] says which one counts.
func (d *Dir) copyRoot(from, to string) error {
	for _, file := range rootFiles {
		perm, check := fs.FileMode(0o644), checker(nil)
		if isKey(file) {
			perm, check = 0o600, checkPrivate
		}
		data, err := d.read(prefixed(from, file), check)
		switch {
		case errors.Is(err, fs.ErrNotExist): // what is of the root before does not belong here
			err = d.take(prefixed(to, file))
		case err == nil:
			err = d.put(prefixed(to, file), data, perm, (*os.Root).Rename)
			if isKey(file) {
				clear(data)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) put(file string, data []byte, perm fs.FileMode, publish func(dir *os.Root, temp, file string) error) error {
	if err := write(d.files, file, data, perm, publish); err != nil {
		return about(d.Path(file), err)
	}
	return nil
}
