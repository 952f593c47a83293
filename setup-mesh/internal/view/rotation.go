package view

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Rotation says which root is to be replaced by which, or that the mesh is led back.
func Rotation(w io.Writer, r *certs.Rotation, back bool, now time.Time) {
	if back {
		say(w, "The mesh is led back to root %s, valid until %s.", r.Old.Short(), r.Old.Cert().NotAfter.Format(time.DateOnly))
		return
	}
	say(w, "Root %s, valid until %s, is to be replaced by %s, valid until %s.",
		r.Old.Short(), r.Old.Cert().NotAfter.Format(time.DateOnly), r.New.Short(), r.New.Cert().NotAfter.Format(time.DateOnly))
	if now.After(r.Old.Cert().NotAfter) {
		say(w, "The old root has ended: nothing that it stands for is trusted until the new one signs.")
	}
}

// RotationStep says what the apply that follows is for.
func RotationStep(w io.Writer, p certs.Phase, back bool) {
	say(w, "\n%s: %s", stepOf(p, back), p.Words())
}

// stepOf is "Step 2 of 3".
func stepOf(p certs.Phase, back bool) string {
	all := certs.Phases()
	at := slices.Index(all, p)
	if back {
		at = len(all) - 1 - at
	}
	return fmt.Sprintf("Step %d of %d", at, len(all)-1)
}

// RotationStopped says how to go on, or back.
func RotationStopped(w io.Writer, p certs.Phase) {
	say(w, "The rotation has stopped on the way to this: %s.", p.Words())
	say(w, "Go on: setup-mesh certs rotate-root; with --back it leads back to the old root.")
}

// RotationWaits says what is so while the CAs of clusters are signed elsewhere.
func RotationWaits(w io.Writer, p certs.Phase) {
	say(w, "\nThe rotation waits, and an apply keeps it so: %s.", p.Words())
}

// RotationEnded says what the mesh trusts now.
func RotationEnded(w io.Writer, r *certs.Rotation) {
	if r.Phase == certs.OldOnly {
		say(w, "\nThe mesh has root %s again. The new one stays in certs/new-root-cert.pem for another rotation.", r.Old.Short())
		return
	}
	say(w, "\nThe mesh has root %s. The old one is kept in certs/old-root-cert.pem, and its key, if that was here, beside it.", r.New.Short())
}
