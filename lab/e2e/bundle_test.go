package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
)

// bundled gathers everything for somebody who is to help. None of the secrets of the clusters and of the work directory is in it.
func (j *journey) bundled(t *testing.T) {
	j.collectSecrets(t)
	r := j.run(t, 0, "bundle", "--out", "-")
	z, err := gzip.NewReader(strings.NewReader(r.stdout))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range j.canaries.found(content) {
			t.Errorf("%s holds %s", h.Name, what)
		}
		files[path.Base(h.Name)] = append(files[path.Base(h.Name)], content...)
	}
	var status struct {
		Format   string
		Clusters []struct{ Name string }
		Findings []any
	}
	if err := json.Unmarshal(files["status.json"], &status); err != nil || len(status.Clusters) != len(j.clusters) || len(status.Findings) > 0 {
		t.Errorf("status.json: %v, %+v", err, status)
	}
	for name, word := range map[string]string{"README.txt": "status.json", "topology.yaml": "mesh_id"} {
		if !bytes.Contains(files[name], []byte(word)) {
			t.Errorf("%s does not hold %q:\n%s", name, word, files[name])
		}
	}
}

// drawn has the mesh drawn as it is: everybody discovers everybody.
func (j *journey) drawn(t *testing.T) {
	drawing := j.run(t, 0, "graph", "-o", "dot").stdout
	for context := range j.clusters {
		if !strings.Contains(drawing, nameOf(context)) {
			t.Errorf("%s is not drawn:\n%s", nameOf(context), drawing)
		}
	}
	wantWords(t, j.run(t, 0, "graph", "-o", "svg"), "<svg", "203.0.113.1:15443")
}
