package workdir

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Brought are the files of a root that was made elsewhere, by their names. The zero
// value is none.
type Brought struct {
	RootCert    string // the certificates that all clusters are to trust
	RootKey     string // of the first of them; "" where it stays elsewhere
	SigningCert string // a CA that signs in place of the root, then those above it; "" for none
	SigningKey  string // of that CA
}

// by is the brought file that a file of the work directory is a copy of, "" for none.
func (b Brought) by(file string) string {
	return map[string]string{RootCertFile: b.RootCert, RootKeyFile: b.RootKey, SigningCertFile: b.SigningCert, SigningKeyFile: b.SigningKey}[file]
}

// read reads the files, the keys as carefully as ours: one that others can read is an
// error.
func (b Brought) read() (pile, error) {
	p := pile{data: map[string][]byte{}, names: map[string]string{}}
	for _, file := range rootFiles {
		name := b.by(file)
		if name == "" {
			continue
		}
		var check checker
		if isKey(file) {
			check = checkPrivate
		}
		data, err := readForeign(name, check)
		if err != nil {
			p.wipe()
			return pile{}, err
		}
		p.data[file], p.names[file] = data, name
	}
	return p, nil
}

// readForeign is [readIn] of a file anywhere.
func readForeign(name string, check checker) ([]byte, error) {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, about(name, err)
	}
	defer dir.Close()
	data, err := readIn(dir, filepath.Base(name), name, check)
	if err == nil && len(data) == maxFile {
		return nil, wrong(name, "is larger than 1 MiB", "")
	}
	return data, err
}

// ReadIdentities reads files of the user's that hold the identities of age, as carefully
// as a key.
func ReadIdentities(names []string) ([]certs.Secret, error) {
	var out []certs.Secret
	for _, name := range names {
		data, err := readForeign(name, checkPrivate)
		if err != nil {
			return nil, err
		}
		out = append(out, certs.NewSecret(data))
		clear(data)
	}
	return out, nil
}

// bringRoot takes over what was brought, as far as it is not there.
func (p *preparation) bringRoot() (*certs.Root, error) {
	root, made, err := p.dir.bring(p.o.Brought, "", p.o.Now, "prep never replaces a root: name another work directory with --dir, or leave the files out to keep this one")
	if err != nil {
		return nil, err
	}
	return root, p.make(made)
}

// bring is the root of what was brought and of what there is of it, by names with a
// prefix, and the files that are missing. What is there stays: fix says what to do where
// it is not the same.
func (d *Dir) bring(b Brought, prefix string, now time.Time, fix string) (*certs.Root, []newFile, error) {
	brought, err := b.read()
	if err != nil {
		return nil, nil, err
	}
	defer brought.wipe()
	all, err := d.pile(prefix)
	if err != nil {
		return nil, nil, err
	}
	defer all.wipe()
	var made []newFile
	for _, file := range rootFiles {
		data := brought.data[file]
		switch {
		case data == nil, isKey(file) && all.data[sealedName(file)] != nil:
		case all.data[file] == nil:
			all.data[file], all.names[file] = data, brought.names[file]
			made = append(made, newFile{file, bytes.Clone(data), 0o644})
		case !isKey(file) && !certs.SameCertificates(all.data[file], data):
			return nil, nil, wrong(all.names[file], "is there already, and holds other certificates than "+brought.names[file], fix)
		}
	}
	if err := d.whole(all); err != nil {
		return nil, nil, err
	}
	root, err := all.root()
	if err != nil {
		return nil, nil, err
	}
	if begin, end := root.Span(); len(made) > 0 {
		if v := certs.Judge(begin, end, now); v == certs.Expired || v == certs.NotYetValid {
			return nil, nil, wrong(brought.names[RootCertFile], fmt.Sprintf("a mesh below it is valid from %s until %s, and it is %s now: it is %s",
				begin.Format(time.DateOnly), end.Format(time.DateOnly), now.Format(time.DateOnly), v), "bring a root, and a signing CA, that are valid")
		}
	}
	return root, made, nil
}

// make puts the files of a root on the list: keys are the user's alone, and encrypted if
// that is asked for.
func (p *preparation) make(files []newFile) error {
	for _, f := range files {
		if isKey(f.file) {
			f.perm = 0o600
			if p.o.Seal != nil {
				sealed, err := p.o.Seal(f.data)
				clear(f.data)
				if err != nil {
					return fmt.Errorf("encrypt the key of the root: %w", err)
				}
				f.file, f.data = sealedName(f.file), sealed
			}
		}
		p.create = append(p.create, f)
	}
	return nil
}

// check says which of the files make no sense without others. The flags that name them
// begin with "--" and to.
func (b Brought) check(to string) error {
	switch {
	case b.RootCert == "" && (b.RootKey != "" || b.SigningCert != "" || b.SigningKey != ""):
		return wrong("", "the certificate of the root is missing", "name it with --"+to+"root-cert")
	case b.SigningKey != "" && b.SigningCert == "":
		return wrong("", "the certificate of the CA that signs is missing", "name it with --"+to+"signing-cert")
	case b.RootKey != "" && b.SigningCert != "":
		return wrong("", "both the root and a CA below it are to sign", "leave --"+to+"root-key out: only the key of the CA that signs is needed")
	}
	return nil
}

// copied is a word about the key that was copied.
func (b Brought) copied(file string) []string {
	if b.by(file) == "" {
		return nil
	}
	return []string{fmt.Sprintf("is a copy of %s: now there are two to keep safe", b.by(file))}
}
