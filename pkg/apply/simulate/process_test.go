//go:build linux

package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// BenchmarkProcess is `setup-mesh plan` where nothing is to be changed, as a process
// of its own: time, memory and requests. The clusters of a [benchMesh] are served to
// it over HTTP, as they are after a first apply. SETUP_MESH names the binary.
//
//	make bench-clusters
func BenchmarkProcess(b *testing.B) {
	binary := os.Getenv("SETUP_MESH")
	if binary == "" {
		b.Skip("SETUP_MESH names no binary")
	}
	for _, n := range []int{10, 30, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				benchProcess(b, n, binary)
			}
		})
	}
}

func benchProcess(b *testing.B, n int, binary string) {
	m := newBenchMesh(b, n)
	clients, ctx := m.clients()
	m.apply(ctx, clients)
	s := m.serve()
	dir, kubeconfig := m.workdir(s.URL)
	m.fleet.Close()
	s.requests.Store(0)
	start := time.Now()
	cmd := exec.Command(binary, "plan", "--dir", dir, "--kubeconfig", kubeconfig)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	m.must(cmd.Start())
	peak := make(chan float64)
	go func() { peak <- peakMemory(cmd.Process.Pid) }()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "Nothing to change.") {
		b.Fatalf("%v\n%s", err, out.String())
	}
	b.ReportMetric(time.Since(start).Seconds(), "s")
	b.ReportMetric(cmd.ProcessState.UserTime().Seconds(), "cpu-s")
	b.ReportMetric(<-peak, "peak-MiB")
	b.ReportMetric(float64(s.requests.Load())/float64(n), "req/cluster")
}

// peakMemory is the most that was resident of a process until it ended, in MiB.
// What the kernel tells afterwards is no less than its parent had.
func peakMemory(pid int) float64 {
	most := 0.0
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, after, there := strings.Cut(string(status), "VmHWM:")
		if err != nil || !there {
			return most
		}
		number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
		if kib, err := strconv.Atoi(number); err == nil {
			most = float64(kib) / 1024
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// workdir writes the user's files, and a kubeconfig whose contexts lead to url.
func (m *benchMesh) workdir(url string) (dir, kubeconfig string) {
	dir = m.b.TempDir()
	kubeconfig = filepath.Join(dir, "kubeconfig")
	m.must(os.Mkdir(filepath.Join(dir, "certs"), 0o700))
	var clusters, contexts strings.Builder
	for _, c := range m.wanted.Mesh.Clusters {
		fmt.Fprintf(&clusters, "- {name: %s, cluster: {server: '%s/%s'}}\n", c.Context, url, c.Context)
		fmt.Fprintf(&contexts, "- {name: %s, context: {cluster: %s, user: u}}\n", c.Context, c.Context)
	}
	for name, content := range map[string]string{
		"topology.yaml": m.file, "base.yaml": string(manifest.Template()), benchCA: string(m.cert), "certs/root-key.pem": string(m.key.Bytes()),
		"kubeconfig": "apiVersion: v1\nkind: Config\nclusters:\n" + clusters.String() + "contexts:\n" + contexts.String() + "users: [{name: u, user: {token: t}}]\n",
	} {
		m.must(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir, kubeconfig
}

// A servedMesh is what the clusters of one held at a moment: by cluster, by group
// and resource. It can be read, and nothing else.
type servedMesh struct {
	*httptest.Server
	requests atomic.Int64
	objects  map[string]map[string][]servedObject
}

type servedObject struct {
	applytest.Object
	body []byte
}

func (m *benchMesh) serve() *servedMesh {
	s := &servedMesh{objects: map[string]map[string][]servedObject{}}
	m.fleet.Look(func(w applytest.World) {
		for _, c := range w.Clusters() {
			s.objects[c] = map[string][]servedObject{}
			w.Each(c, func(o applytest.Object) {
				body, err := json.Marshal(o.Object)
				m.must(err)
				ref := object.RefOf(o)
				at := ref.Group + "/" + ref.Resource()
				s.objects[c][at] = append(s.objects[c][at], servedObject{o, body})
			})
		}
	})
	s.Server = httptest.NewServer(s)
	m.b.Cleanup(s.Close)
	return s
}

// ServeHTTP answers /CLUSTER/version, and below /CLUSTER/api and /CLUSTER/apis.
func (s *servedMesh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	w.Header().Set("Content-Type", "application/json")
	cluster, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	parts := strings.Split(path, "/")
	if path == "version" {
		fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
		return
	}
	group := ""
	if parts[0] == "apis" {
		group, parts = parts[1], parts[1:]
	}
	namespace, parts := "", parts[2:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		namespace, parts = parts[1], parts[2:]
	}
	objects := s.objects[cluster][group+"/"+parts[0]]
	if len(parts) == 1 {
		list(w, r, objects, namespace)
		return
	}
	for _, o := range objects {
		if o.GetNamespace() == namespace && o.GetName() == parts[1] {
			w.Write(o.body)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"details":{"name":%q}}`, parts[1])
}

func list(w http.ResponseWriter, r *http.Request, objects []servedObject, namespace string) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, `{"kind":"List","apiVersion":"v1","metadata":{},"items":[`)
	comma := ""
	for _, o := range objects {
		if (namespace == "" || o.GetNamespace() == namespace) && selector.Matches(labels.Set(o.GetLabels())) {
			fmt.Fprintf(w, "%s%s", comma, o.body)
			comma = ","
		}
	}
	fmt.Fprint(w, "]}")
}
