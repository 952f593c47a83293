package dataplane

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
)

// A ztunnel is the proxy of a node, as far as its page of certificates goes: it forwards nothing.
type ztunnel struct {
	mu sync.Mutex
	id *agent.Identity
}

func (z *ztunnel) identify(i agent.Identity) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.id = &i
}

// dump is what ztunnel says at /config_dump of its certificates.
// https://github.com/istio/istio/blob/1.31.0/istioctl/pkg/writer/ztunnel/configdump/api.go
func (z *ztunnel) dump() (string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
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
	if z.id != nil {
		one := identity{Identity: z.id.Certificate.Leaf.URIs[0].String(), State: "Available"}
		encode := func(der []byte) certificate {
			return certificate{base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
		}
		for _, der := range z.id.Certificate.Certificate {
			one.Chain = append(one.Chain, encode(der))
		}
		for rest := z.id.Root; ; {
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
