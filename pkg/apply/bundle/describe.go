package bundle

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// describeSecret says what keys a Secret has and how long their values are, and of
// certificates whose they are. No value is taken.
func describeSecret(o *unstructured.Unstructured, into map[string]any) {
	data, _, _ := unstructured.NestedMap(o.Object, "data")
	keys := map[string]any{}
	for key, v := range data {
		text, _ := v.(string)
		value, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			keys[key] = map[string]any{"error": "not base64"}
			continue
		}
		about := map[string]any{"bytes": len(value)}
		if certs := certificates(value); len(certs) > 0 {
			about["certificates"] = certs
		}
		keys[key] = about
	}
	into["keys"] = keys
}

// certificates describe those of a PEM file. Keys and all else in it are passed over.
func certificates(file []byte) []any {
	var out []any
	for {
		var block *pem.Block
		if block, file = pem.Decode(file); block == nil {
			return out
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			out = append(out, map[string]any{"error": "not a valid certificate"})
			continue
		}
		out = append(out, map[string]any{
			"subject": c.Subject.String(), "issuer": c.Issuer.String(), "sha256": fmt.Sprintf("%X", sha256.Sum256(c.Raw)),
			"notBefore": c.NotBefore.UTC().Format(time.RFC3339), "notAfter": c.NotAfter.UTC().Format(time.RFC3339), "isCA": c.IsCA,
		})
	}
}

// describeConfigMap says what keys a ConfigMap has and how long their values are, and of
// certificates whose they are. Mesh configuration and record are files of their own.
func describeConfigMap(o *unstructured.Unstructured, into map[string]any) {
	data, _, _ := unstructured.NestedMap(o.Object, "data")
	keys := map[string]any{}
	for key, v := range data {
		text, _ := v.(string)
		about := map[string]any{"bytes": len(text)}
		if certs := certificates([]byte(text)); len(certs) > 0 {
			about["certificates"] = certs
		}
		keys[key] = about
	}
	into["keys"] = keys
}

// describeWebhooks says whom webhooks trust, and where those are outside the cluster.
func describeWebhooks(o *unstructured.Unstructured, into map[string]any) {
	from, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
	to, _ := into["webhooks"].([]any)
	for i := range min(len(from), len(to)) {
		hook, _ := from[i].(map[string]any)
		client, _ := hook["clientConfig"].(map[string]any)
		about := child(to[i].(map[string]any), "clientConfig")
		if text, _ := client["caBundle"].(string); text != "" {
			bundle, err := base64.StdEncoding.DecodeString(text)
			about["caBundle"] = certificates(bundle)
			if err != nil {
				about["caBundle"] = "not base64"
			}
		}
		if url, _ := client["url"].(string); url != "" {
			before, _, _ := strings.Cut(url, "?")
			about["url"] = before
		}
	}
}

// describeEnv says what the environment of the containers of a pod is, which is at a
// path of the object.
func describeEnv(path ...string) func(*unstructured.Unstructured, map[string]any) {
	return func(o *unstructured.Unstructured, into map[string]any) {
		containers, _, _ := unstructured.NestedSlice(o.Object, append(path, "containers")...)
		for _, key := range path {
			into = child(into, key)
		}
		to, _ := into["containers"].([]any)
		for i := range min(len(containers), len(to)) {
			c, _ := containers[i].(map[string]any)
			env, _ := c["env"].([]any)
			about := map[string]any{}
			for _, v := range env {
				m, _ := v.(map[string]any)
				name, _ := m["name"].(string)
				value, isText := m["value"].(string)
				if about[name] = variable(name, value); !isText && m["valueFrom"] != nil {
					about[name] = "(from elsewhere)"
				}
			}
			to[i].(map[string]any)["env"] = about
		}
	}
}

// takeObject is what a bundle has of an object.
func takeObject(k kind, o *unstructured.Unstructured) map[string]any {
	out := pick(o.Object, append(append([]string{}, metadata...), k.fields...))
	taken := map[string]any{}
	for _, key := range annotations {
		if v, ok := o.GetAnnotations()[key]; ok {
			taken[key] = v
		}
	}
	out, _ = redactTexts(out).(map[string]any)
	if len(taken) > 0 {
		child(out, "metadata")["annotations"] = redactTexts(taken)
	}
	if k.more != nil {
		k.more(o, out)
	}
	return out
}

// redactTexts is v with what looks like a secret taken out of all texts. What stands in
// it is listed in [kinds], so that names need not be judged.
func redactTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, item := range v {
			out[redactText(k)] = redactTexts(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = redactTexts(item)
		}
		return out
	case string:
		return redactText(v)
	}
	return v
}

func sortObjects(a, b *unstructured.Unstructured) int {
	return object.CompareRefs(object.RefOf(a), object.RefOf(b))
}
