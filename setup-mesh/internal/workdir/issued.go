package workdir

import (
	"errors"
	"io/fs"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The files of an intermediate that is signed elsewhere. Their names match
// [ignoreRules] where they hold a key. A request can be signed by either root of a
// rotation; what the new one has signed is kept beside what the old one has.
func requestFile(cluster string) string    { return certsDir + "/request-" + cluster + ".csr" }
func requestKeyFile(cluster string) string { return certsDir + "/request-" + cluster + "-key.pem" }

func issuedFile(cluster string, isNew bool) string {
	file := certsDir + "/cluster-" + cluster + "-key.pem"
	if isNew {
		return prefixed(newPrefix, file)
	}
	return file
}

// ErrNoRotation says that there is nothing to lead back.
var ErrNoRotation = errors.New("no rotation of the root is under way")

// Requesting is the root below which clusters' CAs are requested, signed and imported: that
// of the mesh. In a rotation it is the new one, or, to lead the mesh back, the old one.
func (d *Dir) Requesting(back bool) (root *certs.Root, isNew bool, err error) {
	switch r, err := d.Rotation(); {
	case err != nil:
		return nil, false, err
	case r == nil && back:
		return nil, false, &Error{Err: ErrNoRotation, Fix: "leave --back out"}
	case r == nil:
		root, err := d.Root()
		return root, false, err
	case back:
		return r.Old, false, nil
	default:
		return r.New, true, nil
	}
}

// issued reads the intermediates that were imported for the clusters of a mesh, by cluster.
func (d *Dir) issued(m *topology.Mesh, isNew bool) (map[string]*certs.Issued, error) {
	all := map[string]*certs.Issued{}
	var errs []error
	for _, c := range m.Clusters {
		one, err := d.issuedTo(c.Name, isNew)
		if err != nil {
			errs = append(errs, err)
		} else if one != nil {
			all[c.Name] = one
		}
	}
	return all, errors.Join(errs...)
}

// issuedTo is what was imported for a cluster, nil for nothing.
func (d *Dir) issuedTo(cluster string, isNew bool) (*certs.Issued, error) {
	file := issuedFile(cluster, isNew)
	key, err := d.readKey(file)
	if err != nil || key == nil {
		return nil, err
	}
	one, err := certs.ParseIssued(*key)
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		return nil, &Error{Subject: d.Path(file), Err: e.Err, Fix: "remove it, and have the cluster's CA signed again: setup-mesh certs csr"}
	}
	return one, err
}

// readKey reads a file that only the user may read, nil for one that is not there.
func (d *Dir) readKey(file string) (*certs.Secret, error) {
	data, err := d.read(file, checkPrivate)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := certs.NewSecret(data)
	clear(data)
	return &s, nil
}
