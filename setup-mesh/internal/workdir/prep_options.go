package workdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// Options are what prep is asked for.
type Options struct {
	Dir    string // "" is the current directory
	MeshID string // may be empty if topology.yaml is there
	Org    string // may be empty if the root is there

	Contexts []string // that topology.yaml begins with
	Known    []string // the contexts that there are; none for any
	Base     []byte   // what base.yaml is; nil for the default
	BaseName string   // where that comes from
	Brought  Brought  // the root, where it is not to be made
	// Seal encrypts the key of the root, if one is made or taken; nil leaves it as it is.
	Seal func(key []byte) ([]byte, error)

	Now  time.Time
	Rand io.Reader
}

// check judges the options before a directory is made for their sake.
func (o Options) check() error {
	if _, err := os.Lstat(filepath.Clean(o.Dir)); errors.Is(err, fs.ErrNotExist) {
		if err := o.missing(true, true); err != nil {
			return err
		}
	}
	errs := []error{o.Brought.check("")}
	if o.MeshID != "" {
		errs = append(errs, checkMeshID(o.MeshID))
	}
	if o.Org != "" {
		if err := certs.CheckName(o.Org); err != nil {
			errs = append(errs, &Error{Subject: "organization", Err: err})
		}
	}
	if o.Base != nil {
		if _, err := manifest.ParseBase(o.BaseName, o.Base); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, o.checkContexts())...)
}

// checkContexts says which contexts cannot stand in topology.yaml, in its own words.
func (o Options) checkContexts() error {
	_, err := topology.ParseMesh(TopologyFile, topology.Template("m", o.Contexts...), o.Known)
	ps, ok := errors.AsType[topology.Problems](err)
	if !ok {
		return err
	}
	var errs []error
	for _, p := range ps {
		errs = append(errs, wrong(strings.Replace(p.Path, "contexts.", "context ", 1), p.Message, p.Hint))
	}
	return errors.Join(errs...)
}

// missing says which of the options that are needed was not given. A root that is
// brought has an organization of its own.
func (o Options) missing(needMesh, needRoot bool) error {
	needMesh, needOrg := needMesh && o.MeshID == "", needRoot && o.Org == "" && o.Brought == Brought{}
	switch {
	case needMesh && needOrg:
		return wrong("", "the names of the mesh and of the organization are missing",
			"setup-mesh prep --mesh-id mymeshname --org example.com, or set MESH_ID and ORG_NAME")
	case needMesh:
		return wrong("", "the name of the mesh is missing", "--mesh-id mymeshname, or set MESH_ID")
	case needOrg:
		return wrong("", "the name of the organization, for the root certificate, is missing", "--org example.com, or set ORG_NAME")
	}
	return nil
}

// checkMeshID says why topology.yaml cannot hold a mesh ID, in its own words.
func checkMeshID(id string) error {
	mesh, err := topology.ParseMesh(TopologyFile, topology.Template(id), nil)
	subject := fmt.Sprintf("mesh ID %q", id)
	if ps, ok := errors.AsType[topology.Problems](err); ok && len(ps) > 0 {
		return wrong(subject, ps[0].Message, ps[0].Hint)
	}
	if err == nil && mesh.ID != id {
		return wrong(subject, fmt.Sprintf("reads as %q in %s", mesh.ID, TopologyFile), "")
	}
	return err
}
