package supervisor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/setup-mesh/setup-mesh/lab"
)

// serveControl answers control requests on a loopback port, to callers that can read the lab's directory.
func (s *supervisor) serveControl() error {
	port, err := s.pool.Take(1)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port[0]))
	if err != nil {
		return fmt.Errorf("serve control requests: %w", err)
	}
	c := lab.Control{PID: os.Getpid(), URL: "http://" + l.Addr().String(), Token: rand.Text()}
	srv := &http.Server{Handler: authorized(c.Token, s.handlers()), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with the process
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(s.options.Dir, lab.ControlFile), b)
}

func authorized(token string, h http.Handler) http.Handler {
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *supervisor) handlers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", answer(func(*http.Request) (any, error) { return s.state(), nil }))
	mux.HandleFunc("POST /down", answer(func(*http.Request) (any, error) { s.stop(); return nil, nil }))
	mux.HandleFunc("POST /clusters", answer(func(r *http.Request) (any, error) {
		var n lab.NewCluster
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			return nil, err
		}
		return nil, s.add(r.Context(), n)
	}))
	mux.HandleFunc("GET /clusters/{context}/routes", s.onMember(func(_ context.Context, m *member) (any, error) {
		return m.Table.All(), nil
	}))
	mux.HandleFunc("POST /clusters/{context}/gateway/{kind}", answer(func(r *http.Request) (any, error) {
		m, err := s.member(r.PathValue("context"))
		if err != nil {
			return nil, err
		}
		return nil, m.balancer.Set(r.Context(), lab.Gateway(r.PathValue("kind")))
	}))
	mux.HandleFunc("POST /clusters/{context}/stop-api", s.onMember(func(_ context.Context, m *member) (any, error) {
		m.StopAPI()
		return nil, nil
	}))
	mux.HandleFunc("POST /clusters/{context}/start-api", s.onMember(func(ctx context.Context, m *member) (any, error) {
		return nil, m.StartAPI(ctx)
	}))
	return mux
}

func (s *supervisor) onMember(do func(context.Context, *member) (any, error)) http.HandlerFunc {
	return answer(func(r *http.Request) (any, error) {
		m, err := s.member(r.PathValue("context"))
		if err != nil {
			return nil, err
		}
		return do(r.Context(), m)
	})
}

func answer(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(v) // a caller that has gone does not read it
	}
}

// writeWhole replaces a file in one step, for readers that may come at any time.
func writeWhole(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
