package ports

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test program be a second process that holds ports: locks never conflict within one.
func TestMain(m *testing.M) {
	if path := os.Getenv("LAB_TEST_HOLD"); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

// hold takes all ports but three, says so, and keeps them until standard input ends.
func hold(path string) {
	p, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	n := 0
	for port := first; port <= last-3; port++ {
		if p.lock(port) == nil {
			n++
		}
	}
	fmt.Println(n)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestTakeAvoidsWhatAnotherProcessHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ports")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LAB_TEST_HOLD="+path)
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
	defer func() { in.Close(); _ = cmd.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if want := strconv.Itoa(last-3-first+1) + "\n"; line != want {
		t.Fatalf("the other process holds %q ports (%v), want %q", line, err, want)
	}

	p, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Take(4); err == nil {
		t.Fatalf("Take(4) = %v, with three ports left", got)
	}
	got, err := p.Take(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range got {
		if port <= last-3 || port > last {
			t.Errorf("Take gave port %d, which another process holds", port)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := p.Take(20); err != nil {
		t.Errorf("after the other process was killed: %v", err)
	}
}

func TestTakeSkipsPortsInUse(t *testing.T) {
	p, err := Open(filepath.Join(t.TempDir(), "ports"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := p.Take(200)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range got {
		if seen[port] || port < first || port > last {
			t.Errorf("port %d is given twice or outside %d-%d", port, first, last)
		}
		seen[port] = true
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(got[0]))
	if err != nil {
		t.Fatalf("a port that was taken cannot be listened on: %v", err)
	}
	defer l.Close()
	if Free(got[0]) {
		t.Errorf("port %d is said to be free while somebody listens", got[0])
	}
}

// Whoever a port belongs to can listen on it at any moment, whoever asks about it then.
func TestFreeTakesNothing(t *testing.T) {
	p, err := Open(filepath.Join(t.TempDir(), "ports"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got, err := p.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	asked, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asked)
		for {
			select {
			case <-end:
				return
			default:
				Free(got[0])
			}
		}
	}()
	for range 500 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(got[0]))
		if err != nil {
			t.Error(err)
			break
		}
		l.Close()
	}
	close(end)
	<-asked
}

func TestOpenSaysWhichFile(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "missing", "ports"))
	if err == nil || !strings.Contains(err.Error(), "open the port lock file: ") {
		t.Errorf("Open = %v", err)
	}
}
