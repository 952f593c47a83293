package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// Requested prints which CSRs there are on out, and on msg who is to sign them: in a rotation
// that is the new root, or with back the old one.
func Requested(out, msg io.Writer, all []workdir.Requested, root *certs.Root, back bool) {
	width, waiting := 0, 0
	for _, r := range all {
		width = max(width, len(r.Name))
	}
	for _, r := range all {
		remark := r.Cluster
		switch r.Action {
		case workdir.Kept:
			remark += ", waits for its answer"
		case workdir.Signed:
			remark += ", until " + r.Until.Format(time.DateOnly)
		}
		if r.Action != workdir.Signed {
			waiting++
		}
		fmt.Fprintf(out, "%-7s %-*s   %s\n", r.Action, width, r.Name, remark)
	}
	if waiting > 0 {
		flag := ""
		if back {
			flag = " --back"
		}
		fmt.Fprintf(msg, "next: have each signed below root %s (%s) as a CA with pathlen:0, then setup-mesh certs import%s --from FILE\n", root.Short(), root.Name(), flag)
	}
}

// Imported prints what was imported on out, and on msg what is still missing, and the command
// that uses it.
func Imported(out, msg io.Writer, all []workdir.Imported, next string) {
	var missing []string
	for _, i := range all {
		if i.Until.IsZero() {
			missing = append(missing, i.Cluster)
			continue
		}
		fmt.Fprintf(out, "imported %s   %s, until %s\n", i.Name, i.Cluster, i.Until.Format(time.DateOnly))
	}
	if len(missing) > 0 {
		fmt.Fprintf(msg, "setup-mesh: warning: no certificate for %s: their requests go on waiting\n", strings.Join(missing, ", "))
	}
	fmt.Fprintln(msg, "next: "+next)
}
