//go:build unix

package lab

import "syscall"

// ownSession keeps a Ctrl-C meant for the caller away from the supervisor.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
