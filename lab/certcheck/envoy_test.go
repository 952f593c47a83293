package certcheck

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// maxShown is the most that BoringSSL reads of a Certificate message, and maxNames
// of the names in a CertificateRequest.
const (
	maxShown = 100 << 10
	maxNames = 1<<16 - 1
)

// An envoy is testdata/verify.c at work: BoringSSL, set up as in Envoy.
type envoy struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// newEnvoy starts it where it was built, and says where it was not.
func newEnvoy(t testing.TB) *envoy {
	t.Helper()
	program := os.Getenv("CERTCHECK_BORINGSSL")
	if program == "" {
		fmt.Println("certcheck: BoringSSL is not here, so that Envoy's part is not compared: see testdata/verify.c")
		return nil
	}
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // it ends with its input
	})
	return &envoy{in: in, out: bufio.NewReader(out)}
}

// verify asks for a verdict as a server and as a client.
func (e *envoy) verify(shown, roots, crls [][]byte) error {
	var request bytes.Buffer
	put := func(kind byte, der []byte) {
		request.WriteByte(kind)
		request.Write(binary.BigEndian.AppendUint32(nil, uint32(len(der))))
		request.Write(der)
	}
	size := 0
	for i, der := range shown {
		size += 3 + len(der)
		put("LC"[min(i, 1)], der)
	}
	names := 0
	for _, der := range roots {
		put('R', der)
		if c, err := x509.ParseCertificate(der); err == nil {
			names += 2 + len(c.RawSubject)
		}
	}
	for _, der := range crls {
		put('X', der)
	}
	put('V', nil)
	if names > maxNames {
		return errors.New("the names of the roots do not fit")
	}
	if size > maxShown {
		return errors.New("EXCESSIVE_MESSAGE_SIZE")
	}
	if _, err := e.in.Write(request.Bytes()); err != nil {
		return err
	}
	line, err := e.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("BoringSSL does not answer: %w", err)
	}
	if line = strings.TrimSpace(line); line != "ok" {
		return errors.New(line)
	}
	return nil
}
