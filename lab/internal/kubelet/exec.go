package kubelet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// A Player has the pods that the lab plays.
type Player interface {
	// Forward answers a connection to a port of a pod. An error is told to whoever asked.
	Forward(namespace, pod string, port int32, conn io.ReadWriter) error
	// Exec runs a command in a container, and returns its exit code.
	Exec(ctx context.Context, namespace, pod, container string, command []string, out, errOut io.Writer) (int, error)
}

// exec serves what kubectl exec asks for. The time limits are a kubelet's.
func (s *Server) exec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	command := r.URL.Query()["command"]
	if len(command) == 0 {
		http.Error(w, "no command", http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, execution{s.player, r.PathValue("namespace")}, r.PathValue("pod"), "", r.PathValue("container"),
		command, options, 4*time.Hour, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

// An execution is of pods of one namespace.
type execution struct {
	Player
	namespace string
}

// ExecInContainer implements [remotecommand.Executor].
func (e execution) ExecInContainer(ctx context.Context, pod, _, container string, command []string, _ io.Reader, out, errOut io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	code, err := e.Exec(ctx, e.namespace, pod, container, command, orDiscard(out), orDiscard(errOut))
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Err: fmt.Errorf("exit status %d", code), Code: code}
	}
	return err
}

// orDiscard is for a stream that nobody has asked for.
func orDiscard(w io.WriteCloser) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
