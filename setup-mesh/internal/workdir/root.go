package workdir

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// rootFiles are the files that a root can consist of, in the order in which prep makes
// them: a kill in between leaves a key that nobody knows, and never a certificate of
// the root without what belongs to it.
var rootFiles = [...]string{RootKeyFile, sealedName(RootKeyFile), SigningKeyFile, sealedName(SigningKeyFile), SigningCertFile, RootCertFile}

// sealedName is the name of a key's file where that is encrypted.
func sealedName(keyFile string) string { return keyFile + ".age" }

// isKey says whether a file of a root holds a key that is not encrypted.
func isKey(file string) bool { return file == RootKeyFile || file == SigningKeyFile }

// A SealedKey is the encrypted key of a root.
type SealedKey struct {
	Name string // of its file, as the user would type it
	Data []byte // as age wrote it
}

// SealedKey reads the encrypted key of the CA that signs for root, nil where there is
// none, or where the key is there without that. The root may be the new one of a
// rotation.
func (d *Dir) SealedKey(root *certs.Root, isNew bool) (*SealedKey, error) {
	file := RootKeyFile
	if root.Tiered() {
		file = SigningKeyFile
	}
	if isNew {
		file = prefixed(newPrefix, file)
	}
	if d.has(file) || !d.has(sealedName(file)) {
		return nil, nil
	}
	data, err := d.read(sealedName(file), nil) // it may come out of git, whose files anybody can read
	if err != nil {
		return nil, err
	}
	return &SealedKey{Name: d.Path(sealedName(file)), Data: data}, nil
}

// A pile is the files of a root, with how to call each in an error.
type pile struct {
	prefix string            // of the names
	data   map[string][]byte // by their names in the work directory
	names  map[string]string
}

// Root reads the root of the mesh. The key that signs may be absent, as it is where the
// root is kept elsewhere: everything works without it but adding a cluster and
// renewing an intermediate. A key that others can read is an error.
func (d *Dir) Root() (*certs.Root, error) { return d.rootAs("") }

// rootAs is [Dir.Root] of the files whose names begin with a prefix.
func (d *Dir) rootAs(prefix string) (*certs.Root, error) {
	p, err := d.pile(prefix)
	if err != nil {
		return nil, err
	}
	defer p.wipe()
	if err := d.whole(p); err != nil {
		return nil, err
	}
	if p.data[RootCertFile] == nil {
		_, err := d.read(prefixed(prefix, RootCertFile), nil) // says that it is not there
		return nil, err
	}
	return p.root()
}

// prefixed is the name of a file with a prefix, in the same directory.
func prefixed(prefix, file string) string { return path.Join(path.Dir(file), prefix+path.Base(file)) }

// hasRoot says whether there is anything of a root.
func (d *Dir) hasRoot() bool { return slices.ContainsFunc(rootFiles[:], d.has) }

// pile reads the files of the root that are there, by their usual names.
func (d *Dir) pile(prefix string) (pile, error) {
	p := pile{prefix: prefix, data: map[string][]byte{}, names: map[string]string{}}
	for _, file := range rootFiles {
		var check checker
		if isKey(file) {
			check = checkPrivate
		}
		data, err := d.read(prefixed(prefix, file), check)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			p.wipe()
			return pile{}, err
		}
		p.data[file], p.names[file] = data, d.Path(prefixed(prefix, file))
	}
	return p, nil
}

// wipe overwrites the keys.
func (p pile) wipe() {
	for file, data := range p.data {
		if isKey(file) {
			clear(data)
		}
	}
}

// whole says which half of a root is there without the other.
func (d *Dir) whole(p pile) error {
	has := func(file string) bool { return p.data[file] != nil }
	for _, pair := range [][2]string{{RootKeyFile, RootCertFile}, {SigningKeyFile, SigningCertFile}} {
		for _, key := range []string{pair[0], sealedName(pair[0])} {
			if has(key) && !has(pair[1]) {
				return d.keyWithoutCert(prefixed(p.prefix, key), prefixed(p.prefix, pair[1]))
			}
		}
	}
	switch {
	case has(SigningCertFile) && !has(RootCertFile):
		return wrong(d.Path(prefixed(p.prefix, SigningCertFile)), "exists, but "+d.Path(prefixed(p.prefix, RootCertFile))+" does not",
			"put the root's certificate back, or run setup-mesh prep again with --root-cert and --signing-cert")
	}
	return nil
}

// root makes a root of the files.
func (p pile) root() (*certs.Root, error) {
	root, err := certs.ParseRoot(p.data[RootCertFile], p.key(RootKeyFile))
	if chain := p.data[SigningCertFile]; err == nil && chain != nil {
		root, err = root.Below(chain, p.key(SigningKeyFile))
	}
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		return nil, &Error{Subject: p.names[path.Join(certsDir, e.File)], Err: e.Err, Fix: e.Hint}
	}
	return root, err
}

// key is that in a file, nil for none.
func (p pile) key(file string) *certs.Secret {
	data := p.data[file]
	if data == nil {
		return nil
	}
	s := certs.NewSecret(data)
	return &s
}

// keyWithoutCert is the error about half a pair: the half that says which mesh
// it belongs to is missing.
func (d *Dir) keyWithoutCert(keyFile, certFile string) error {
	key := d.Path(keyFile)
	return wrong(key, "exists, but "+d.Path(certFile)+" does not",
		fmt.Sprintf("put the certificate back if any cluster was set up with it; if prep was interrupted the first time it ran, "+
			"no cluster knows the key: remove %s and run setup-mesh prep again", key))
}
