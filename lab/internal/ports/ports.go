// Package ports hands out loopback ports to labs that run side by side.
package ports

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// The range stays below 32768: Linux hands out 32768-60999 as source ports, and a server that wants to listen there
// finds its port taken now and then. See https://docs.kernel.org/networking/ip-sysctl.html, ip_local_port_range.
const (
	first = 10000
	last  = 31999
)

// A Pool reserves ports for one process. Reservations are locks on single bytes of one file that all labs of a user
// share, the byte's offset being the port; the kernel drops them when the process ends, however it ends.
// A Pool is safe for concurrent use. A process must not open two pools over one file: closing either would drop the
// locks of both.
type Pool struct {
	mu   sync.Mutex
	file *os.File
	mine map[int]bool
}

// Open returns a pool over the lock file at path, which is created when absent. Close it to give all ports back.
func Open(path string) (*Pool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the port lock file: %w", err)
	}
	return &Pool{file: f, mine: map[int]bool{}}, nil
}

// DefaultPath is the lock file that all labs of the calling user share.
func DefaultPath() string {
	return filepath.Join(os.TempDir(), "setup-mesh-lab-ports-"+strconv.Itoa(os.Getuid()))
}

// Take reserves n ports on which nobody listens on 127.0.0.1 at the moment.
func (p *Pool) Take(n int) ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const size = last - first + 1
	start := rand.IntN(size)
	var taken []int
	for i := 0; i < size && len(taken) < n; i++ {
		port := first + (start+i)%size
		if !p.mine[port] && p.lock(port) == nil {
			if !Free(port) {
				p.unlock(port)
				continue
			}
			p.mine[port] = true
			taken = append(taken, port)
		}
	}
	if len(taken) < n {
		p.release(taken)
		return nil, fmt.Errorf("take %d ports between %d and %d: only %d are free", n, first, last, len(taken))
	}
	return taken, nil
}

// Release gives ports back. Ports that were never taken are ignored.
func (p *Pool) Release(ports ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(ports)
}

// Close gives everything back.
func (p *Pool) Close() error {
	if err := p.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (p *Pool) release(ports []int) {
	for _, port := range ports {
		if p.mine[port] {
			delete(p.mine, port)
			p.unlock(port)
		}
	}
}

func (p *Pool) lock(port int) error { return p.fcntl(port, syscall.F_WRLCK) }

// unlock cannot fail on a lock that is ours, and a lock that stays costs a port until the process ends.
func (p *Pool) unlock(port int) { _ = p.fcntl(port, syscall.F_UNLCK) }

func (p *Pool) fcntl(port int, kind int16) error {
	return syscall.FcntlFlock(p.file.Fd(), syscall.F_SETLK, &syscall.Flock_t{
		Type: kind, Whence: io.SeekStart, Start: int64(port), Len: 1,
	})
}

// Free reports whether nobody listens on the port of 127.0.0.1 now. It asks by a connection: listening to find out
// would take the port, for that moment, from whoever it belongs to.
func Free(port int) bool {
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
