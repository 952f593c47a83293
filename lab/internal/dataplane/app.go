package dataplane

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// helloworld is the application of Istio's sample: it says who answers. /headers says what the application was asked with,
// as httpbin does.
// https://github.com/istio/istio/blob/1.31.0/samples/helloworld/src/app.py
func helloworld(version, pod string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "Hello version: %s, instance: %s\n", version, pod) // who has gone does not read it
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "Helloworld is healthy") })
	mux.HandleFunc("GET /headers", func(w http.ResponseWriter, r *http.Request) {
		headers := map[string]string{"Host": r.Host}
		for k, v := range r.Header {
			headers[k] = strings.Join(v, ",")
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"headers": headers, "version": version, "instance": pod})
	})
	return mux
}
