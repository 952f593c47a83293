package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// canaries are secrets that must be nowhere but where they belong: what they are, by value.
type canaries map[string]string

// add takes note of a secret in all the ways in which it may leak.
func (c canaries) add(what string, value []byte) {
	if len(value) < 16 {
		return
	}
	c[string(value)] = what
	c[base64.StdEncoding.EncodeToString(value)] = what + " in base64"
	c[hex.EncodeToString(value)] = what + " in hex"
	if block, _ := pem.Decode(value); block != nil {
		for line := range strings.Lines(string(value)) {
			if line = strings.TrimSpace(line); len(line) > 32 && !strings.HasPrefix(line, "-") {
				c[line] = what + ", a line"
			}
		}
	}
	if parts := strings.Split(string(value), "."); len(parts) == 3 && !strings.Contains(string(value), "\n") {
		c[parts[2]] = what + ", its signature"
	}
}

// found tells what secrets are in text.
func (c canaries) found(text []byte) []string {
	var out []string
	for value, what := range c {
		if bytes.Contains(text, []byte(value)) {
			out = append(out, what)
		}
	}
	return out
}

// collectSecrets takes note of the keys and tokens that are in the clusters and in the work directory now.
func (j *journey) collectSecrets(t *testing.T) {
	t.Helper()
	j.canaries.add("the root key", []byte(j.read(t, "certs/root-key.pem")))
	for name, c := range j.clusters {
		j.canaries.add(name+": the administrator's token", []byte(c.config.BearerToken))
		list, err := c.kube.CoreV1().Secrets("").List(context.Background(), metav1.ListOptions{LabelSelector: "setup-mesh.io/mesh"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Items {
			if s.Name == "cacerts" {
				j.canaries.add(name+": ca-key.pem", s.Data["ca-key.pem"])
			}
			for key, value := range s.Data {
				if config, err := clientcmd.Load(value); err == nil && len(config.AuthInfos) > 0 {
					j.canaries.add(fmt.Sprintf("%s: the kubeconfig for %s", name, key), value)
					for _, user := range config.AuthInfos {
						j.canaries.add(fmt.Sprintf("%s: the token for %s", name, key), []byte(user.Token))
					}
				}
			}
		}
	}
	j.noSecretIsStored(t)
}

// noSecretIsStored looks for secrets in all objects that are no Secrets, the records among them, and in the metadata of
// those that are.
func (j *journey) noSecretIsStored(t *testing.T) {
	t.Helper()
	for name, c := range j.clusters {
		all, err := c.objects(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for key, o := range all {
			content := o.Object
			if o.GetKind() == "Secret" {
				content = map[string]any{"metadata": content["metadata"]}
			}
			text, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range j.canaries.found(text) {
				t.Errorf("%s: %s holds %s", name, key, what)
			}
		}
	}
}

// noSecretWasTold looks for secrets in all that was printed since the beginning.
func (j *journey) noSecretWasTold(t *testing.T) {
	if n := len(j.canaries); n < 50 {
		t.Errorf("only %d secrets were collected", n)
	}
	for _, what := range j.canaries.found(j.said.Bytes()) {
		t.Errorf("setup-mesh printed %s", what)
	}
}
