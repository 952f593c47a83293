package simulate

import (
	"math/rand/v2"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// rotation is how far the mesh is on the way to its other root, nil for none.
func (m mesh) rotation() *certs.Rotation {
	if m.Phase == "" {
		return nil
	}
	both := roots()[m.ID]
	r, err := certs.NewRotation(m.Phase, both[m.Root], both[1-m.Root])
	if err != nil {
		panic(err)
	}
	return r
}

// trusted is what clusters of the mesh are to trust, with what is to sign for them.
func (m mesh) trusted() *certs.Root {
	if r := m.rotation(); r != nil {
		return r.Root()
	}
	return roots()[m.ID][m.Root]
}

// rotate leads a mesh to the next phase, or back, as `setup-mesh certs rotate-root`
// does: only from one that an apply has completed with the same files, or where
// nothing was done yet. From the last phase on the way the rotation ends.
func (s *sim) rotate(m *mesh, e edit) {
	back := e.A%4 == 0
	if m.Phase == "" {
		if back {
			return // there is nothing to lead back
		}
		m.Phase = certs.OldOnly
	}
	if !m.rotation().Begins(back) && s.applied[m.ID] != m.files() {
		return
	}
	next, ok := m.Phase.Next(back)
	switch {
	case ok:
		m.Phase = next
	case back:
		m.Phase = ""
	default: // the new root is that of the work directory
		m.Root, m.Phase = 1-m.Root, ""
	}
}

// rotating has some histories rotate the root, beside all else that they do.
func (h *history) rotating() {
	r := rand.New(rand.NewPCG(h.Seed, 3))
	if r.IntN(3) > 0 {
		return
	}
	if r.IntN(3) == 0 {
		h.Start[0].Phase = certs.TrustBoth
	}
	for i := range h.Rounds {
		if one := &h.Rounds[i]; i > 0 && r.IntN(4) > 0 {
			one.Edits = append([]edit{{Kind: "rotate", A: r.IntN(1 << 16)}}, one.Edits...)
		}
	}
}

// rotates says whether a history rotates a root.
func (h *history) rotates() bool {
	return h.Start[0].Phase != "" || slices.ContainsFunc(h.Rounds, func(r round) bool {
		return slices.ContainsFunc(r.Edits, func(e edit) bool { return e.Kind == "rotate" })
	})
}

// retreat is what users do in the end where proxies do not come to trust what is to sign,
// since the istiod that would tell them is gone: they lead back by one phase.
func (s *sim) retreat() {
	for i := range s.meshes {
		if m := &s.meshes[i]; m.Phase == certs.SignNew {
			m.Phase = certs.TrustBoth
		}
	}
}
