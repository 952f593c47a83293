// Package signing reaches those who sign for a mesh outside of this process: a program
// that is given a CSR and answers with a certificate. It judges no answer, and prints
// nothing.
package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Limit is how long a program may take for one certificate. It is long enough to touch
// a hardware key.
const Limit = 2 * time.Minute

// lingering is how long the pipes of a program that was ended are waited for: another
// process may have inherited them.
const lingering = 2 * time.Second

// What is kept of a program's output: an answer is a few certificates, and of what it
// says beside that the end tells the most.
const (
	maxAnswer = 1 << 20
	maxWords  = 1 << 10
)

// A Command is a program that signs: it reads a CSR on standard input, and writes the
// certificate, and those above it as it likes, to standard output, all of it as PEM.
// SETUP_MESH_CLUSTER, SETUP_MESH_NAMESPACE and SETUP_MESH_TRUST_DOMAIN tell it whose it
// is. It runs without a shell, and never twice at once: tokens and databases of CAs
// seldom bear that.
type Command struct {
	argv  []string
	limit time.Duration
	now   func() time.Time
	turn  chan struct{}
}

// NewCommand is the command in a line: the program and its arguments, separated by
// blanks. There is no quoting: what needs it goes into a script.
func NewCommand(line string, limit time.Duration, now func() time.Time) (*Command, error) {
	argv := strings.Fields(line)
	if len(argv) == 0 {
		return nil, errors.New("names no program")
	}
	return &Command{argv: argv, limit: limit, now: now, turn: make(chan struct{}, 1)}, nil
}

// Sign implements [certs.Signer].
func (c *Command) Sign(ctx context.Context, csr []byte, id certs.Identity) (certs.Answer, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return certs.Answer{}, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("it gave no answer within %s", c.limit))
	defer cancel()
	answer, words := &head{most: maxAnswer}, &tail{most: maxWords}
	cmd := exec.CommandContext(limited, c.argv[0], c.argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(csr), answer, words, lingering
	cmd.Env = append(os.Environ(), "SETUP_MESH_CLUSTER="+id.Cluster, "SETUP_MESH_NAMESPACE="+id.Namespace, "SETUP_MESH_TRUST_DOMAIN="+id.TrustDomain)
	err := cmd.Run()
	switch {
	case limited.Err() != nil:
		err = context.Cause(limited)
	case err == nil && answer.cut:
		err = fmt.Errorf("its answer is larger than %d MiB", maxAnswer>>20)
	}
	if err != nil {
		return certs.Answer{}, &CommandError{Program: c.argv[0], Err: err, Words: words.String()}
	}
	return certs.Answer{PEM: answer.kept, At: c.now()}, nil
}

// A CommandError is a program that did not sign.
type CommandError struct {
	Program string
	Err     error
	Words   string // the end of what it wrote to standard error, fit for a terminal; may be empty
}

func (e *CommandError) Error() string {
	text := fmt.Sprintf("run the sign command %s: %v", e.Program, e.Err)
	if e.Words != "" {
		text += ": " + e.Words
	}
	return text
}

func (e *CommandError) Unwrap() error { return e.Err }

// Remedy is how to try the program by itself.
func (e *CommandError) Remedy() string {
	return "give it a CSR by hand: setup-mesh certs csr writes one"
}

// head keeps the beginning of what is written to it.
type head struct {
	kept []byte
	most int
	cut  bool
}

func (h *head) Write(p []byte) (int, error) {
	room := min(h.most-len(h.kept), len(p))
	h.kept, h.cut = append(h.kept, p[:room]...), h.cut || room < len(p)
	return len(p), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	kept []byte
	most int
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept, t.cut = append([]byte(nil), t.kept[over:]...), true
	}
	return len(p), nil
}

// String is what was kept in one line that a terminal can show.
func (t *tail) String() string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(t.kept), "\uFFFD")), " ")
	if t.cut {
		text = "... " + text
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}
