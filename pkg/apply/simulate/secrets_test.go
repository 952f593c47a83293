package simulate

import (
	"encoding/base64"
	"strings"
	"sync"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
)

// A keyring holds pieces of keys that must never be seen outside a Secret.
type keyring struct {
	mu     sync.Mutex
	pieces []string
}

// keys are those of the roots.
var keys keyring

// add takes a piece of a PEM block, as it is and in base64.
func (k *keyring) add(pem []byte) {
	lines := strings.Split(string(pem), "\n")
	encoded := base64.StdEncoding.EncodeToString(pem)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(lines) > 2 {
		k.pieces = append(k.pieces, lines[1][:min(len(lines[1]), 40)])
	}
	if len(encoded) > 160 {
		k.pieces = append(k.pieces, encoded[100:140])
	}
}

// always are pieces of any key and any token.
var always = func() []string {
	out := []string{applytest.TokenCanary, "PRIVATE KEY-----"}
	for _, s := range []string{applytest.TokenCanary, "PRIVATE KEY-----"} {
		for shift := range 3 { // wherever it is in a longer text
			b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
			out = append(out, b[4:len(b)-4])
		}
	}
	return out
}()

// leak is what of a key or a token is in text, "" for nothing.
func (k *keyring) leak(text string) string {
	for _, p := range always {
		if strings.Contains(text, p) {
			return p
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pieces {
		if strings.Contains(text, p) {
			return "a piece of a key"
		}
	}
	return ""
}
