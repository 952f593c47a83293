package envoy

import (
	"encoding/json"
	"encoding/pem"
	"strings"
)

// Secrets is what Envoy shows of the certificates that it was given, at /config_dump?resource=dynamic_active_secrets. Keys
// are left out, as Envoy does.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto#admin-v3-secretsconfigdump
func (p *Proxy) Secrets() string {
	s, own := p.now()
	configs := []any{}
	if own != nil {
		var chain []byte
		for _, der := range own.Certificate.Certificate {
			chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		roots := append([]byte{}, own.Root...)
		roots = append(roots, strings.Join(s.Trust, "\n")...)
		validation := map[string]any{"trusted_ca": bytesOf(roots)}
		if len(own.lists) > 0 {
			validation["crl"] = bytesOf(own.lists)
		}
		configs = append(configs,
			secret("default", "tls_certificate", map[string]any{"certificate_chain": bytesOf(chain), "private_key": bytesOf([]byte("[redacted]"))}),
			secret("ROOTCA", "validation_context", validation))
	}
	out, err := json.MarshalIndent(map[string]any{"configs": configs}, "", " ")
	if err != nil {
		panic(err) // maps of text alone
	}
	return string(out)
}

func secret(name, kind string, content any) any {
	return map[string]any{
		"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.DynamicSecret", "name": name,
		"secret": map[string]any{"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": name, kind: content},
	}
}

func bytesOf(b []byte) any { return map[string]any{"inline_bytes": b} }
