package workdir

import (
	"errors"
	"io/fs"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The files of an intermediate that is signed elsewhere. Their names match
// [ignoreRules] where they hold a key.
func requestFile(cluster string) string    { return certsDir + "/request-" + cluster + ".csr" }
func requestKeyFile(cluster string) string { return certsDir + "/request-" + cluster + "-key.pem" }
func issuedFile(cluster string) string     { return certsDir + "/cluster-" + cluster + "-key.pem" }

// issued reads the intermediates that were imported for the clusters of a mesh, by cluster.
func (d *Dir) issued(m *topology.Mesh) (map[string]*certs.Issued, error) {
	all := map[string]*certs.Issued{}
	var errs []error
	for _, c := range m.Clusters {
		one, err := d.issuedTo(c.Name)
		if err != nil {
			errs = append(errs, err)
		} else if one != nil {
			all[c.Name] = one
		}
	}
	return all, errors.Join(errs...)
}

// issuedTo is what was imported for a cluster, nil for nothing.
func (d *Dir) issuedTo(cluster string) (*certs.Issued, error) {
	file := issuedFile(cluster)
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
