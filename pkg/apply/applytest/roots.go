package applytest

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// readRoot takes the plugged-in CA, or makes one of its own:
// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
func (i *istiod) readRoot() {
	if s := i.c.get(object.SecretRef(i.pod.Namespace, object.Cacerts)); s != nil {
		if root := decoded(s, "root-cert.pem"); len(root) > 0 {
			i.root, i.chain = string(root), string(decoded(s, "cert-chain.pem"))
			return
		}
	}
	i.selfSigned = true
	ref := object.SecretRef(i.pod.Namespace, selfSignedSecret)
	s := i.c.get(ref)
	if s == nil {
		if i.c.open(ref) != nil {
			return
		}
		pem := fmt.Sprintf("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64.StdEncoding.EncodeToString([]byte("self-signed by "+i.c.name+" "+i.c.f.uid())))
		s = i.c.must(i.c.create(pilot, object.New("v1", "Secret", ref.Namespace, ref.Name, nil, map[string]any{
			"type": "istio.io/ca-root", "data": map[string]any{"ca-cert.pem": base64.StdEncoding.EncodeToString([]byte(pem))},
		}), createOptions{}))
	}
	if s == nil {
		return // a webhook was against it
	}
	i.root = string(decoded(s, "ca-cert.pem"))
	i.chain = i.root
}

// reload takes the CA that the kubelet has brought into the pod by now. Its roots have to
// be those that are served, or more or less of them.
func (i *istiod) reload() {
	s := i.c.get(object.SecretRef(i.pod.Namespace, object.Cacerts))
	if s == nil || i.selfSigned {
		return
	}
	root := string(decoded(s, "root-cert.pem"))
	if root == i.root || i.multiRoot && (within(root, i.root) || within(i.root, root)) {
		i.root, i.chain = root, string(decoded(s, "cert-chain.pem"))
		i.look()
	}
}

// within says whether all certificates of a bundle are in another one.
func within(bundle, other string) bool {
	const end = "-----END CERTIFICATE-----"
	for _, cert := range strings.Split(bundle, end) {
		if cert = strings.TrimSpace(cert); cert != "" && !strings.Contains(other, cert) {
			return false
		}
	}
	return strings.TrimSpace(bundle) != ""
}

// signer is the certificate of a bundle that signs: the first. The others are trusted.
func signer(bundle string) string {
	const end = "-----END CERTIFICATE-----"
	first, _, more := strings.Cut(strings.TrimSpace(bundle), end)
	if more {
		first += end
	}
	return first
}

func decoded(secret Object, key string) []byte {
	data, _ := base64.StdEncoding.DecodeString(text(secret, "data", key))
	return data
}

func (i *istiod) writeRoot(c *Cluster, ref object.Ref) {
	data := map[string]any{"root-cert.pem": i.root}
	live := c.get(ref)
	if live == nil {
		o := object.New("v1", "ConfigMap", ref.Namespace, ref.Name, map[string]any{"labels": map[string]any{"istio.io/config": "true"}}, map[string]any{"data": data})
		c.must(c.create(pilot, o, createOptions{}))
		return
	}
	if text(live, "data", "root-cert.pem") != i.root {
		c.edit(pilot, ref, "", func(o Object) { o.Object["data"] = data })
	}
}
