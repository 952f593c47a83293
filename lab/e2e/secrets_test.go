package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// A telling is what a run of setup-mesh printed, or wrote into a file that its command line names.
type telling struct {
	by   string // the command, and the file
	text []byte
}

// keepsSecrets looks, when the test ends, for all secrets that the user and the clusters had in all that was told since
// the beginning, and in all files that are left. admin is the kubeconfig by which the clusters are asked for theirs.
func (u *user) keepsSecrets(t testing.TB, admin *api.Config) {
	t.Helper()
	for name, a := range admin.AuthInfos {
		u.canaries.add(name+": the administrator's token", []byte(a.Token))
		u.canaries.add(name+": the administrator's password", []byte(a.Password))
		u.canaries.add(name+": the administrator's key", a.ClientKeyData)
	}
	for name := range admin.Contexts {
		config, err := clientcmd.NewDefaultClientConfig(*admin, &clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		config.QPS, config.Timeout = -1, 2*time.Second
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		u.clients[name] = client
	}
	t.Cleanup(func() {
		u.collectFiles()
		u.collectClusters()
		for _, leak := range u.leaks() {
			t.Error(leak)
		}
	})
}

// collect takes note of the secrets that there are before a command that may end some.
func (u *user) collect(args []string) {
	u.collectFiles()
	if len(args) > 0 && slices.Contains([]string{"apply", "teardown", "certs"}, args[0]) {
		u.collectClusters()
	}
}

// collectFiles takes note of the keys in the user's files: of roots, new and old, of requests and of clusters.
func (u *user) collectFiles() {
	u.eachFile(func(name string) {
		if !isKeyFile(name) {
			return
		}
		if key, err := os.ReadFile(name); err == nil { // or it is just being replaced
			u.mu.Lock()
			defer u.mu.Unlock()
			u.canaries.add(filepath.Base(name), key)
		}
	})
}

// collectClusters takes note of the keys and tokens in Secrets of the clusters that can be asked.
func (u *user) collectClusters() {
	for name, client := range u.clients {
		list, err := client.CoreV1().Secrets("").List(context.Background(), metav1.ListOptions{})
		if err != nil {
			continue // it is down, or was never there: tests do that
		}
		u.mu.Lock()
		for _, s := range list.Items {
			for key, value := range s.Data {
				u.addSecret(fmt.Sprintf("%s: %s of %s/%s", name, key, s.Namespace, s.Name), value)
			}
		}
		u.mu.Unlock()
	}
}

// addSecret takes note of a value of a Secret if it is a key, a token, or a kubeconfig with one.
func (u *user) addSecret(what string, value []byte) {
	switch config, err := clientcmd.Load(value); {
	case bytes.Contains(value, []byte("PRIVATE KEY")), bytes.HasPrefix(value, []byte("eyJ")):
		u.canaries.add(what, value)
	case err == nil && len(config.AuthInfos) > 0:
		u.canaries.add(what, value)
		for _, login := range config.AuthInfos {
			u.canaries.add(what+", the token", []byte(login.Token))
		}
	}
}

// told keeps what a run said, and what it wrote into files that its command line names.
func (u *user) told(r result, args []string, began time.Time) {
	if filepath.Base(u.program) != "setup-mesh" {
		return // istioctl prints tokens
	}
	ran.add(args, r.code)
	u.said = append(u.said, telling{r.command, append(unpacked([]byte(r.stdout)), r.stderr...)})
	for _, arg := range args {
		_ = filepath.WalkDir(arg, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || isKeyFile(name) {
				return nil
			}
			if info, err := d.Info(); err != nil || !info.ModTime().After(began) {
				return nil
			}
			if text, err := os.ReadFile(name); err == nil {
				u.said = append(u.said, telling{r.command + ": " + name, unpacked(text)})
			}
			return nil
		})
	}
}

// leaks says which secrets are where they do not belong.
func (u *user) leaks() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []string
	for _, told := range u.said {
		for _, what := range u.canaries.found(told.text) {
			out = append(out, fmt.Sprintf("%s told %s", told.by, what))
		}
	}
	u.eachFile(func(name string) {
		if isKeyFile(name) || filepath.Base(name) == "setup-mesh" || strings.Contains(filepath.Base(name), "kubeconfig") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			out = append(out, err.Error())
		}
		for _, what := range u.canaries.found(unpacked(text)) {
			out = append(out, fmt.Sprintf("%s holds %s", name, what))
		}
	})
	return out
}

// eachFile calls do with all files below the user's directory, which has the work directory, the home and the directory
// for temporary files. What is removed meanwhile, by a command that runs beside, is passed over.
func (u *user) eachFile(do func(name string)) {
	_ = filepath.WalkDir(filepath.Dir(u.home), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			do(name)
		}
		return nil
	})
}

// isKeyFile says whether a private key belongs into a file of that name.
func isKeyFile(name string) bool { return strings.HasSuffix(name, "key.pem") }

// unpacked is what is in an archive, or text as it is.
func unpacked(text []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return text
	}
	content, err := io.ReadAll(z)
	if len(content) == 0 && err != nil {
		return text
	}
	return content
}

// collectSecrets takes note of the secrets that there are now, and looks for them in the clusters.
func (j *journey) collectSecrets(t *testing.T) {
	t.Helper()
	j.collectFiles()
	j.collectClusters()
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
