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
	if p.dir.has(RootKeyFile) || p.dir.has(sealedName(RootKeyFile)) {
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
	plain, sealed := p.judgeFile(file), p.judgeFile(sealedName(file))
	switch {
	case p.makes(sealed.File):
		sealed.Notes = p.o.Brought.copied(file)
		return sealed
	case p.makes(plain.File):
		plain.Notes = p.o.Brought.copied(file)
		return plain
	case plain.Action == Created && sealed.Action == Kept:
		return sealed
	case plain.Action == Created:
		plain.Action = Absent
		plain.Notes = []string{"is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no new key for a certificate that exists"}
		return plain
	case sealed.Action == Kept:
		plain.Notes = append(plain.Notes, "is not encrypted, beside "+sealed.Name+", which is: remove one of the two")
	case p.o.Seal != nil:
		plain.Notes = append(plain.Notes, fmt.Sprintf("was there already, and is not encrypted: age -p -a -o %s %s does that, then remove it", sealed.Name, plain.Name))
	}
	if p.dir.tracked(ctx, file) {
		plain.Notes = append(plain.Notes, "git tracks this key, so everybody who can read the repository can sign for the mesh: take it out with git rm --cached, and start over with a new root")
	}
	return plain
}

// makes says whether a file is on the list of those to be made.
func (p *preparation) makes(file string) bool {
	return slices.ContainsFunc(p.create, func(n newFile) bool { return n.file == file })
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
	return root, p.make([]newFile{{RootKeyFile, key.Bytes(), 0o600}, {RootCertFile, cert, 0o644}})
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
