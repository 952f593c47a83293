package workdir

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// rootWarning is how long before its end the root is worth a word. Its successor
// must reach every cluster before.
const rootWarning = 60 * 24 * time.Hour

// judgeRoot keeps the root that is there, takes the one that was brought, or makes one.
// Half of one is an error if it is the key, and worth a note if it is the certificate.
func (p *preparation) judgeRoot(ctx context.Context) ([]File, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	p.report.Root = factsOf(root)
	cert := p.judgeFile(RootCertFile)
	cert.Notes = rootNotes(root, p.report.MeshID, p.o.Org, p.o.Now)
	if !root.Tiered() {
		return []File{cert, p.judgeKey(ctx, RootKeyFile)}, nil
	}
	files := []File{cert}
	if p.dir.has(RootKeyFile) {
		files = append(files, p.judgeKey(ctx, RootKeyFile))
	}
	return append(files, p.judgeFile(SigningCertFile), p.judgeKey(ctx, SigningKeyFile)), nil
}

// root is that of the mesh once all files are made.
func (p *preparation) root() (*certs.Root, error) {
	switch {
	case p.o.Brought != Brought{}:
		return p.bringRoot()
	case p.dir.hasRoot():
		return p.dir.Root()
	}
	return p.newRoot()
}

// judgeKey says what becomes of a key, and who else may have it.
func (p *preparation) judgeKey(ctx context.Context, file string) File {
	f := p.judgeFile(file)
	switch made := slices.ContainsFunc(p.create, func(n newFile) bool { return n.file == file }); {
	case made:
		f.Notes = p.o.Brought.copied(file)
	case f.Action == Created:
		f.Action = Absent
		f.Notes = []string{"is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no new key for a certificate that exists"}
	}
	if f.Action == Kept && p.dir.tracked(ctx, file) {
		f.Notes = append(f.Notes, "git tracks this key, so everybody who can read the repository can sign for the mesh: take it out with git rm --cached, and start over with a new root")
	}
	return f
}

// newRoot makes a root. Its key is made first: a kill after it leaves a key
// that nobody knows, and never a certificate without the key.
func (p *preparation) newRoot() (*certs.Root, error) {
	cert, key, err := certs.NewRoot(p.o.Rand, p.o.Now, p.report.MeshID, p.o.Org)
	if err != nil {
		return nil, fmt.Errorf("make the root: %w", err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		return nil, fmt.Errorf("make the root: %w", err)
	}
	p.create = append(p.create, newFile{RootKeyFile, key.Bytes(), 0o600}, newFile{RootCertFile, cert, 0o644})
	return root, nil
}

// rootNotes says where a root that is kept is not what was asked for.
func rootNotes(root *certs.Root, mesh, org string, now time.Time) []string {
	var notes []string
	if made := root.Mesh(); made != "" && made != mesh {
		notes = append(notes, fmt.Sprintf("is the root of mesh %q, not of %q; it is kept", made, mesh))
	}
	if has := root.Organization(); org != "" && has != org {
		notes = append(notes, fmt.Sprintf("its organization is %q, not %q; it is kept, and the clusters' CAs use it", has, org))
	}
	_, end := root.Span()
	switch left := end.Sub(now); {
	case left < 0:
		notes = append(notes, fmt.Sprintf("expired on %s: no cluster trusts what it signs", end.Format(time.DateOnly)))
	case left < rootWarning:
		notes = append(notes, fmt.Sprintf("expires on %s, in %d days", end.Format(time.DateOnly), int(left.Hours()/24)))
	}
	return notes
}

func factsOf(r *certs.Root) RootFacts {
	f := RootFacts{
		Name: r.Name(), Mesh: r.Mesh(), Algorithm: certs.Algorithm(r.Cert()),
		Fingerprint: r.Fingerprint(), NotAfter: r.Cert().NotAfter,
	}
	if r.Tiered() {
		f.Signing = SigningFacts{Name: r.IssuerName(), Algorithm: certs.Algorithm(r.Issuer()), NotAfter: r.Issuer().NotAfter}
	}
	return f
}
