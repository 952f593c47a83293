package workdir

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// RotationOptions are what a rotation of the root is asked for.
type RotationOptions struct {
	To Brought // the new root, where it is not to be made; its key may be elsewhere
	// Seal encrypts the key of the new root, if one is made or taken; nil leaves it as it is.
	Seal func(key []byte) ([]byte, error)
	Now  time.Time
	Rand io.Reader
}

// BeginRotation makes a new root for the mesh of the old one, or takes one that was
// brought, and begins to lead from one to the other. What is left of a beginning that was
// cut off is gone on with.
func (d *Dir) BeginRotation(ctx context.Context, o RotationOptions) (*certs.Rotation, error) {
	if err := o.To.check("to-"); err != nil {
		return nil, err
	}
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := d.Rotation()
	if err != nil || r != nil && o.To == (Brought{}) {
		return r, err
	}
	if r != nil { // it may be told to where it goes again, and where the key is
		if err := d.bringNew(r.Old, o); err != nil {
			return nil, err
		}
		return d.Rotation()
	}
	from, err := d.Root()
	if err != nil {
		return nil, err
	}
	switch {
	case o.To != Brought{}:
		err = d.bringNew(from, o)
	case !d.has(NewRootCertFile):
		err = d.makeNew(from, o)
	}
	if err != nil {
		return nil, err
	}
	to, err := d.rootAs(newPrefix)
	if err != nil {
		return nil, err
	}
	if r, err = certs.NewRotation(certs.OldOnly, from, to); err != nil {
		return nil, wrong(d.Path(NewRootCertFile), err.Error(), "remove it and "+d.Path(NewRootKeyFile)+", and another root is made")
	}
	return r, d.setPhase(r, certs.OldOnly)
}

// makeNew makes the new root: its key first, as for the first root.
func (d *Dir) makeNew(from *certs.Root, o RotationOptions) error {
	cert, key, err := certs.NewRoot(o.Rand, o.Now, from.Mesh(), from.Organization())
	if err != nil {
		return fmt.Errorf("make the new root: %w", err)
	}
	if err := d.putNewKey(RootKeyFile, key.Bytes(), o); err != nil {
		return err
	}
	return d.put(NewRootCertFile, cert, 0o644, linkNew)
}

// bringNew takes over the new root, as far as it is not there, once all of it is known to
// do.
func (d *Dir) bringNew(from *certs.Root, o RotationOptions) error {
	to, made, err := d.bring(o.To, newPrefix, o.Now, "it is the root that this mesh is on its way to, or once was: name that one, or lead the mesh back with --back and remove "+d.Path(NewRootCertFile)+" with what belongs to it")
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range made {
			clear(f.data)
		}
	}()
	if _, err := certs.NewRotation(certs.OldOnly, from, to); err != nil {
		return wrong(o.To.RootCert, err.Error(), "there is nothing to do")
	}
	for _, f := range made {
		if isKey(f.file) {
			err = d.putNewKey(f.file, f.data, o)
		} else {
			err = d.put(prefixed(newPrefix, f.file), f.data, f.perm, (*os.Root).Rename)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putNewKey writes a key of the new root, encrypted if that is asked for, and removes the
// other form of it that a beginning that was cut off has left.
func (d *Dir) putNewKey(file string, key []byte, o RotationOptions) error {
	data, other := key, sealedName(file)
	if o.Seal != nil {
		var err error
		if data, err = o.Seal(key); err != nil {
			return fmt.Errorf("encrypt the key of the new root: %w", err)
		}
		file, other = other, file
	}
	if err := d.put(prefixed(newPrefix, file), data, 0o600, (*os.Root).Rename); err != nil {
		return err
	}
	return d.take(prefixed(newPrefix, other))
}
