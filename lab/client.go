package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ControlFile is where a supervisor in a lab's directory says how to talk to it.
const ControlFile = "lab.json"

// A Control is the contents of [ControlFile].
type Control struct {
	PID   int    `json:"pid"`
	URL   string `json:"url"`
	Token string `json:"token"`
}

type control struct{ Control }

func readControl(dir string) (control, error) {
	var c control
	b, err := os.ReadFile(filepath.Join(dir, ControlFile))
	if err != nil {
		return c, fmt.Errorf("no lab runs in %s: %w", dir, err)
	}
	if err := json.Unmarshal(b, &c.Control); err != nil {
		return c, fmt.Errorf("read %s: %w", filepath.Join(dir, ControlFile), err)
	}
	return c, nil
}

// alive reports whether the supervisor answers, which also tells it from another process with its number.
func (c control) alive() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.call(ctx, http.MethodGet, "/state", nil, nil) == nil
}

func (c control) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	tr := &http.Transport{DisableKeepAlives: true} // no proxy: the address is loopback
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(string(bytes.TrimSpace(b)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// Attach returns the lab that runs in dir. An error that wraps [os.ErrNotExist] says that none does.
func Attach(dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c, err := readControl(dir)
	if err != nil {
		return nil, err
	}
	if !c.alive() {
		return nil, fmt.Errorf("no lab runs in %s: its supervisor does not answer: %w", dir, os.ErrNotExist)
	}
	return &Lab{dir: dir, control: c}, nil
}

// Dir is where the lab lives, logs included.
func (l *Lab) Dir() string { return l.dir }

// Kubeconfig is the path of a kubeconfig with a context for an administrator of each cluster.
func (l *Lab) Kubeconfig() string { return filepath.Join(l.dir, "kubeconfig") }

// ViewerKubeconfig is the path of a kubeconfig with contexts named NAME-viewer, for a user who may look at most things
// but Secrets (ClusterRole view), and change nothing.
func (l *Lab) ViewerKubeconfig() string { return filepath.Join(l.dir, "kubeconfig-viewer") }

// State returns the lab as it is now.
func (l *Lab) State(ctx context.Context) (State, error) {
	var s State
	return s, l.control.call(ctx, http.MethodGet, "/state", nil, &s)
}

// Clusters returns the clusters as they are now.
func (l *Lab) Clusters(ctx context.Context) ([]Cluster, error) {
	s, err := l.State(ctx)
	return s.Clusters, err
}

// Address returns the loopback address behind "podIP:port", or behind a gateway's address and port, as the API server
// of the cluster with the given context would dial it.
func (l *Lab) Address(ctx context.Context, kubeContext, addr string) (string, error) {
	routes := map[string]string{}
	if err := l.control.call(ctx, http.MethodGet, "/clusters/"+url.PathEscape(kubeContext)+"/routes", nil, &routes); err != nil {
		return "", err
	}
	to, ok := routes[addr]
	if !ok {
		return "", fmt.Errorf("nothing listens on %s in %s", addr, kubeContext)
	}
	return to, nil
}

// StopAPI makes a cluster unreachable: nobody listens on its API server's port any more. Its istiods run on.
func (l *Lab) StopAPI(ctx context.Context, kubeContext string) error {
	return l.control.call(ctx, http.MethodPost, "/clusters/"+url.PathEscape(kubeContext)+"/stop-api", nil, nil)
}

// StartAPI undoes [Lab.StopAPI], on the same port, and returns when the API server is ready.
func (l *Lab) StartAPI(ctx context.Context, kubeContext string) error {
	return l.control.call(ctx, http.MethodPost, "/clusters/"+url.PathEscape(kubeContext)+"/start-api", nil, nil)
}

// SetGateway changes what addresses the Services of type LoadBalancer of a cluster get from now on, and gives those that
// there are the same: when it returns, their status says so. With [GatewayPending] an Event on each says why it has none.
func (l *Lab) SetGateway(ctx context.Context, kubeContext string, gateway Gateway) error {
	path := "/clusters/" + url.PathEscape(kubeContext) + "/gateway/" + url.PathEscape(string(gateway))
	return l.control.call(ctx, http.MethodPost, path, nil, nil)
}

// DNS returns the "IP:port" of a DNS server on loopback. It knows the gateways' host names of all clusters, whatever the
// gateways' Services have, and says of all other names that they do not exist.
func (l *Lab) DNS(ctx context.Context) (string, error) {
	s, err := l.State(ctx)
	return s.DNS, err
}

// AddCluster starts one more cluster and returns when it is ready and in the kubeconfigs.
func (l *Lab) AddCluster(ctx context.Context, kubeContext, network string, gateway Gateway) error {
	return l.control.call(ctx, http.MethodPost, "/clusters", NewCluster{kubeContext, network, gateway}, nil)
}

// A NewCluster is what [Lab.AddCluster] asks for.
type NewCluster struct {
	Context string  `json:"context"`
	Network string  `json:"network"`
	Gateway Gateway `json:"gateway"`
}

// Down ends the lab and returns when all its processes are gone and its directory is. Ending a lab twice is fine.
func (l *Lab) Down(ctx context.Context) error {
	if l.owner != nil {
		_ = l.owner.Close()
	} else if err := l.control.call(ctx, http.MethodPost, "/down", nil, nil); err != nil {
		return fmt.Errorf("end the lab in %s: %w", l.dir, err)
	}
	for syscall.Kill(l.control.PID, 0) == nil {
		select {
		case <-l.waited: // nil, and never ready, for a lab that is not our child
			return os.RemoveAll(l.dir)
		case <-ctx.Done():
			return fmt.Errorf("wait for the lab in %s to end: %w", l.dir, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return os.RemoveAll(l.dir)
}
