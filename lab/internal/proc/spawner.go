// Package proc runs the lab's processes so that none of them outlives the lab, even when it is killed.
package proc

import (
	"os/exec"
	"runtime"
)

// A Spawner starts processes from one thread that lives as long as the program: Linux ties the death signal of a
// child to the thread that forked it, not to the process (prctl(2), PR_SET_PDEATHSIG).
type Spawner struct{ requests chan spawn }

type spawn struct {
	cmd  *exec.Cmd
	done chan error
}

// NewSpawner returns a spawner. It is never closed: its thread must not end before the program does.
func NewSpawner() *Spawner {
	s := &Spawner{requests: make(chan spawn)}
	go s.serve()
	return s
}

func (s *Spawner) serve() {
	runtime.LockOSThread()
	for r := range s.requests {
		r.done <- r.cmd.Start()
	}
}

func (s *Spawner) start(cmd *exec.Cmd) error {
	r := spawn{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.done
}
