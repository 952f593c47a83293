package observe

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Names of the secrets that istio-agent gives its Envoy: the certificate of the workload,
// and the roots that it trusts.
// https://github.com/istio/istio/blob/1.31.0/pkg/security/security.go
const (
	ownSecret   = "default"
	rootsSecret = "ROOTCA"
)

// ErrNoCertificate is that a proxy was given no certificate yet: it can talk to nobody, and
// trusts nobody.
var ErrNoCertificate = errors.New("it has no certificate from istiod")

var errNotSecrets = errors.New("read its certificates: it is not the page that Envoy serves")

// An envoySecret is one entry of the page: base64 in JSON is a []byte. Keys are not read.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto#admin-v3-secretsconfigdump-dynamicsecret
type envoySecret struct {
	Name   string `json:"name"`
	Secret struct {
		Own struct {
			Chain inline `json:"certificate_chain"`
		} `json:"tls_certificate"`
		Validation struct {
			Roots inline `json:"trusted_ca"`
			Lists inline `json:"crl"` // a file of the agent's, as Envoy has read it
		} `json:"validation_context"`
	} `json:"secret"`
}

type inline struct {
	Bytes  []byte `json:"inline_bytes"`
	String string `json:"inline_string"`
}

// parseSecrets reads the certificates of a proxy. None of the page is in an error.
func parseSecrets(body []byte) (ProxyCerts, error) {
	var page struct {
		Configs []envoySecret `json:"configs"`
	}
	if json.Unmarshal(body, &page) != nil {
		return ProxyCerts{}, errNotSecrets
	}
	var out ProxyCerts
	for _, s := range page.Configs {
		var err error
		switch s.Name {
		case ownSecret:
			out.Chain, err = s.Secret.Own.Chain.certificates()
		case rootsSecret:
			if out.Roots, err = s.Secret.Validation.Roots.certificates(); err == nil {
				out.Lists, err = s.Secret.Validation.Lists.lists()
			}
		}
		if err != nil {
			return ProxyCerts{}, err
		}
	}
	switch {
	case len(out.Chain) == 0:
		return ProxyCerts{}, ErrNoCertificate
	case len(out.Roots) == 0:
		return ProxyCerts{}, errors.New("it has no root from istiod")
	}
	return out, nil
}

func (i inline) certificates() ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := append(i.Bytes, i.String...)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errNotSecrets
		}
		out = append(out, c)
	}
}

func (i inline) lists() ([]*x509.RevocationList, error) {
	out, err := certs.ParseLists(append(i.Bytes, i.String...))
	if err != nil {
		return nil, errNotSecrets
	}
	return out, nil
}
