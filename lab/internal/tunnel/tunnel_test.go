package tunnel

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/lab/internal/pki"
)

func TestTableRemoveLeavesWhatOthersHaveReplaced(t *testing.T) {
	var table Table
	old := map[string]string{"10.129.1.1:15012": "127.0.0.1:1", "203.0.113.1:15012": "127.0.0.1:1"}
	table.Set(old)
	table.Set(map[string]string{"203.0.113.1:15012": "127.0.0.1:2"})
	table.Remove(old)
	want := map[string]string{"203.0.113.1:15012": "127.0.0.1:2"}
	if diff := cmp.Diff(want, table.All()); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

func TestServerReachesOnlyWhatIsInItsTable(t *testing.T) {
	pod := echo(t)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	var table Table
	table.Set(map[string]string{"10.129.1.1:15017": pod, "10.129.1.2:15017": gone.Addr().String()})
	dial := serve(t, &table)

	tests := map[string]struct {
		method, target string
		want           int
	}{
		"a pod":                         {"CONNECT", "10.129.1.1:15017", http.StatusOK},
		"another port of the pod":       {"CONNECT", "10.129.1.1:443", http.StatusBadGateway},
		"a pod that nobody serves":      {"CONNECT", "10.129.1.2:15017", http.StatusBadGateway},
		"a loopback address for itself": {"CONNECT", pod, http.StatusBadGateway},
		"a name":                        {"CONNECT", "example.com:443", http.StatusBadGateway},
		"a plain request":               {"GET", "/", http.StatusMethodNotAllowed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conn := dial(t)
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", tt.method, tt.target)
			r := bufio.NewReader(conn)
			resp, err := http.ReadResponse(r, &http.Request{Method: tt.method})
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.want {
				t.Fatalf("status %d, want %d", resp.StatusCode, tt.want)
			}
			if tt.want == http.StatusBadGateway && !strings.Contains(resp.Status, tt.target) {
				t.Errorf("status %q does not say what was dialled", resp.Status)
			}
			if tt.want != http.StatusOK {
				return
			}
			fmt.Fprintln(conn, "through the tunnel")
			if line, err := r.ReadString('\n'); line != "through the tunnel\n" {
				t.Errorf("the pod answered %q (%v)", line, err)
			}
		})
	}
}

// serve starts a server over table and returns what makes a connection to it.
func serve(t *testing.T, table *Table) func(*testing.T) net.Conn {
	t.Helper()
	dir := t.TempDir()
	ca, err := pki.NewCA("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(dir, "ca.crt")
	if err := os.WriteFile(caFile, ca.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(dir, "server", time.Now(), nil, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s, err := Serve(port, table, pair, caFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM)
	return func(t *testing.T) net.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// echo is a server that answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = io.Copy(conn, conn) }()
		}
	}()
	return l.Addr().String()
}
