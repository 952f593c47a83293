package proc

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// GuardCommand is the first argument that makes the lab's program call [Guard] with the arguments after it.
const GuardCommand = "guard"

// guarded turns cmd into "self guard <cmd>" in a process group of its own, with the reading end of a pipe whose
// writing end closes with this program.
func guarded(cmd *exec.Cmd, self string) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Args = append([]string{self, GuardCommand, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	cmd.ExtraFiles = []*os.File{r}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return func() { r.Close(); w.Close() }, nil
}

// Guard runs args[0] until it ends, and kills the process group, itself included, once the pipe at file descriptor 3
// is closed. It returns the exit code of the program.
func Guard(args []string) int {
	pipe := os.NewFile(3, "owner")
	syscall.CloseOnExec(3)
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT) // meant for the program; the guard ends after it
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 127
	}
	go func() {
		_, _ = io.Copy(io.Discard, pipe) // ends with the owner
		_ = syscall.Kill(0, syscall.SIGKILL)
	}()
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		return 127
	}
	return cmd.ProcessState.ExitCode()
}
