//go:build !linux

package proc

import (
	"os"
	"os/exec"
)

// dieWithParent has the child started by a guard, which ends the child's process group once the pipe it inherits
// from this program is closed: other kernels have no death signal.
func dieWithParent(cmd *exec.Cmd) (release func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return guarded(cmd, self)
}
