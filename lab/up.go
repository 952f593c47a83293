package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// SuperviseCommand is the first argument that makes the lab program a supervisor.
const SuperviseCommand = "supervise"

// A Lab is one that runs. Its methods are safe for concurrent use.
type Lab struct {
	dir     string
	control control
	owner   io.Closer     // the supervisor ends when this is closed; nil for a lab that was attached or is kept
	waited  chan struct{} // closed when the supervisor, our child, has ended; nil for a lab that was attached
}

// A Reply is the supervisor's one line once the lab is up, or is not.
type Reply struct {
	Error string `json:"error,omitempty"`
}

// Up starts a lab and returns when its clusters are ready. When that fails nothing is left behind but the directory
// with the logs. End the lab with [Lab.Down].
func Up(ctx context.Context, o Options) (*Lab, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if o.Binary, o.Parts, err = programs(ctx, o.Binary, o.Parts); err != nil {
		return nil, err
	}
	l := &Lab{waited: make(chan struct{})}
	if l.dir, err = claim(o.Dir); err != nil {
		return nil, err
	}
	o.Dir = l.dir
	if err := l.supervise(ctx, o); err != nil {
		return nil, fmt.Errorf("start a lab in %s: %w", l.dir, err)
	}
	if l.control, err = readControl(l.dir); err != nil {
		return nil, errors.Join(err, l.Down(ctx))
	}
	return l, nil
}

// claim makes dir, or a temporary one, for a new lab.
func claim(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "lab-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if c, err := readControl(dir); err == nil && c.alive() {
		return "", fmt.Errorf("a lab runs in %s already: %w", dir, os.ErrExist)
	}
	if err := clean(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// supervise starts the supervisor: the options are the first line it reads, its owner's end of the same pipe keeps
// it alive, and one line comes back.
func (l *Lab) supervise(ctx context.Context, o Options) error {
	log, err := os.Create(filepath.Join(l.dir, "supervisor.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(o.Binary, SuperviseCommand)
	cmd.Stderr, cmd.Dir, cmd.SysProcAttr = log, l.dir, ownSession()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	err = exchange(in, out, o)
	if err != nil || !o.KeepAfterExit {
		l.owner = in
	}
	go func() {
		_ = cmd.Wait() // what it has to say is in its log
		close(l.waited)
	}()
	if err != nil {
		in.Close()
		<-l.waited
		return errors.Join(err, context.Cause(ctx))
	}
	return nil
}

func exchange(in io.Writer, out io.Reader, o Options) error {
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the supervisor ended before the lab was up: %w", err)
	}
	var r Reply
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read the supervisor's answer %q: %w", line, err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

// clean removes what an earlier lab left in dir, and refuses to remove anything else.
func clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || len(entries) == 0 && err == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "supervisor.log")); err != nil {
		return fmt.Errorf("%s holds files that are not a lab's", dir)
	}
	return os.RemoveAll(dir)
}

// Clean removes the directory of a lab whose supervisor was killed, and does nothing when there is none.
func Clean(dir string) error { return clean(dir) }
