package dataplane

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
)

// A node is the ztunnel of one, as far as its page of certificates goes.
type node struct {
	mu sync.Mutex
	id *agent.Identity
}

func (n *node) identify(i agent.Identity) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.id = &i
}

// dump is what ztunnel says at /config_dump of its certificates.
// https://github.com/istio/istio/blob/1.31.0/istioctl/pkg/writer/ztunnel/configdump/api.go
func (n *node) dump() (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	type certificate struct {
		PEM string `json:"pem"`
	}
	type identity struct {
		Identity string        `json:"identity"`
		State    string        `json:"state"`
		Chain    []certificate `json:"certChain"`
		Roots    []certificate `json:"rootCerts"`
	}
	all := []identity{}
	if n.id != nil {
		one := identity{Identity: n.id.Certificate.Leaf.URIs[0].String(), State: "Available"}
		encode := func(der []byte) certificate {
			return certificate{base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
		}
		for _, der := range n.id.Certificate.Certificate {
			one.Chain = append(one.Chain, encode(der))
		}
		for rest := n.id.Root; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			one.Roots = append(one.Roots, encode(block.Bytes))
		}
		all = append(all, one)
	}
	text, err := json.Marshal(map[string]any{"certificates": all})
	if err != nil {
		return "", fmt.Errorf("write the page of a ztunnel: %w", err)
	}
	return string(text), nil
}
