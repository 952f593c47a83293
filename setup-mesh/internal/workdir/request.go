package workdir

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A Requested says what became of the request for the intermediate of one cluster.
type Requested struct {
	Cluster string
	Action  Action    // [Created], [Kept] where it is not answered yet, or [Signed]
	Name    string    // of the file, as the user would type it: the CSR, or what was imported
	Until   time.Time // of one that is signed
}

// Signed is an intermediate that was imported.
const Signed Action = "signed"

// RequestOptions say which requests are made.
type RequestOptions struct {
	IDs   []certs.Identity // of the clusters
	Renew bool             // although what was imported is still good
	Back  bool             // for the old root of a rotation; see [Dir.Requesting]
	Now   time.Time
	Rand  io.Reader
}

// Request makes a key and a CSR for each cluster that has no intermediate signed
// elsewhere, or one that is due for renewal. A request that is not answered yet stays, as
// does what was imported until its successor is. The keys stay in the work directory.
func (d *Dir) Request(ctx context.Context, o RequestOptions) ([]Requested, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := d.sweep(); err != nil {
		return nil, err
	}
	root, isNew, err := d.Requesting(o.Back)
	if err != nil {
		return nil, err
	}
	var out []Requested
	var made []newFile
	for _, id := range o.IDs {
		one, files, err := d.request(root, isNew, id, o)
		if err != nil {
			return nil, err
		}
		out, made = append(out, one), append(made, files...)
	}
	return out, d.createAll(ctx, made)
}

// request decides about the request of one cluster: the files that are to be made.
func (d *Dir) request(root *certs.Root, isNew bool, id certs.Identity, o RequestOptions) (Requested, []newFile, error) {
	out := Requested{Cluster: id.Cluster, Action: Kept, Name: d.Path(requestFile(id.Cluster))}
	key, err := d.readKey(requestKeyFile(id.Cluster))
	switch {
	case err != nil:
		return out, nil, err
	case key != nil && d.has(requestFile(id.Cluster)):
		return out, nil, nil
	}
	out.Action = Created
	if key != nil { // a kill came between the two files
		req, err := root.RequestFor(o.Rand, o.Now, *key, id)
		if err != nil {
			return out, nil, &Error{Subject: d.Path(requestKeyFile(id.Cluster)), Err: err}
		}
		return out, []newFile{{requestFile(id.Cluster), req.CSR(), 0o644}}, nil
	}
	have, err := d.issuedTo(id.Cluster, isNew)
	if err != nil {
		return out, nil, err
	}
	if have != nil && !o.Renew {
		b, err := have.Bundle(root, o.Now, id)
		if err == nil && certs.Judge(b.NotBefore(), b.NotAfter(), o.Now) == certs.Fresh {
			return Requested{Cluster: id.Cluster, Action: Signed, Name: d.Path(issuedFile(id.Cluster, isNew)), Until: b.NotAfter()}, nil, nil
		}
	}
	req, err := root.Request(o.Rand, o.Now, id)
	if err != nil {
		return out, nil, fmt.Errorf("request the intermediate CA of %q: %w", id.Cluster, err)
	}
	if d.has(requestFile(id.Cluster)) { // its key is gone: nobody can use the answer
		if err := d.remove(requestFile(id.Cluster)); err != nil {
			return out, nil, err
		}
	}
	return out, []newFile{{requestKeyFile(id.Cluster), req.Key().Bytes(), 0o600}, {requestFile(id.Cluster), req.CSR(), 0o644}}, nil
}

// ReadRequest reads a CSR wherever it is, or standard input where file is "-". It also
// returns what to call it.
func ReadRequest(file string, stdin io.Reader) (name string, data []byte, err error) {
	return readAnywhere(file, stdin, maxFile)
}

// replace writes a file whole or not at all, in place of one of that name.
func (d *Dir) replace(f newFile) error {
	if info, err := d.files.Lstat(f.file); err == nil && !info.Mode().IsRegular() {
		return wrong(d.Path(f.file), "is not a file", "")
	}
	if err := write(d.files, f.file, f.data, f.perm, (*os.Root).Rename); err != nil {
		return about(d.Path(f.file), err)
	}
	return nil
}
