package observe

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ztunnelPage has the certificates of all identities that a ztunnel has pods of.
// https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/
const ztunnelPage = "/config_dump"

var errNotZtunnel = errors.New("read its certificates: it is not the page that ztunnel serves")

// isZtunnel says whether the proxy of a pod is that of a node, which has the same name as a
// sidecar: https://github.com/istio/istio/blob/1.31.0/manifests/charts/ztunnel/templates/daemonset.yaml
func isZtunnel(pod *unstructured.Unstructured) bool {
	all, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
	for _, e := range all {
		c, _ := e.(map[string]any)
		if args, _ := c["args"].([]any); c["name"] == proxyContainer && slices.Contains(args, any("ztunnel")) {
			return true
		}
	}
	return false
}

// A ztunnelCert is one certificate of the page; PEM is base64 of it, or as it is.
// https://github.com/istio/istio/blob/1.31.0/istioctl/pkg/writer/ztunnel/configdump/api.go
type ztunnelCert struct {
	PEM string `json:"pem"`
}

// parseZtunnel reads the certificates of each identity that has some. None of the page is in
// an error. A ztunnel before 1.26 does not tell roots from what leads to them.
func parseZtunnel(body []byte) ([]ProxyCerts, error) {
	var page struct {
		Certificates *[]struct {
			Chain []ztunnelCert `json:"certChain"`
			Roots []ztunnelCert `json:"rootCerts"`
		} `json:"certificates"`
	}
	if json.Unmarshal(body, &page) != nil || page.Certificates == nil {
		return nil, errNotZtunnel
	}
	var out []ProxyCerts
	for _, id := range *page.Certificates {
		if len(id.Chain) == 0 { // it has asked, and was given none yet
			continue
		}
		var certs ProxyCerts
		for _, c := range id.Chain {
			if err := c.addTo(&certs.Chain); err != nil {
				return nil, err
			}
		}
		for _, c := range id.Roots {
			if err := c.addTo(&certs.Roots); err != nil {
				return nil, err
			}
		}
		switch {
		case len(certs.Chain) == 0:
			return nil, errNotZtunnel
		case len(certs.Roots) == 0:
			return nil, errors.New("it does not say which roots it trusts")
		}
		out = append(out, certs)
	}
	if len(out) == 0 {
		return nil, ErrNoCertificate
	}
	return out, nil
}

// addTo adds what is in c.
func (c ztunnelCert) addTo(all *[]*x509.Certificate) error {
	text := c.PEM
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(decoded)
	}
	found, err := inline{String: text}.certificates()
	if err != nil {
		return errNotZtunnel
	}
	*all = append(*all, found...)
	return nil
}
