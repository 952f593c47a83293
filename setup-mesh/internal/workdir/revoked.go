package workdir

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// RevokedFile says which CAs of clusters are revoked. Nothing in it is secret.
const RevokedFile = certsDir + "/" + certs.RevokedFile

// Revoked reads which CAs below root are revoked, nil where there is no file.
func (d *Dir) Revoked(root *certs.Root) (*certs.Revoked, error) {
	data, err := d.read(RevokedFile, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := certs.ParseRevoked(data, root)
	return r, About(d.Path(RevokedFile), err)
}

// HasRevoked says whether there is a [RevokedFile].
func (d *Dir) HasRevoked() bool { return d.has(RevokedFile) }

// PutRevoked keeps which CAs are revoked.
func (d *Dir) PutRevoked(ctx context.Context, r *certs.Revoked) error {
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	data, err := r.Encode()
	if err != nil {
		return err
	}
	return d.put(RevokedFile, data, 0o644, (*os.Root).Rename)
}
