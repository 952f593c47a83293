package istiod

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataLink is the link that a kubelet swaps; the files of a volume are links through it. Whoever watches the volume
// sees all files change in one step.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/volume/util/atomic_writer.go
const dataLink = "..data"

// mount makes dir hold data as a kubelet would mount a Secret, and does nothing when it does already.
func mount(dir string, data map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if same(filepath.Join(dir, dataLink), data) {
		return nil
	}
	next, err := os.MkdirTemp(dir, "..generation-")
	if err != nil {
		return err
	}
	for name, b := range data {
		if err := os.WriteFile(filepath.Join(next, name), b, 0o600); err != nil {
			return err
		}
	}
	if err := swap(dir, filepath.Base(next)); err != nil {
		return fmt.Errorf("swap %s: %w", filepath.Join(dir, dataLink), err)
	}
	return link(dir, data)
}

// swap points dataLink at generation in one step, and removes the generation before.
func swap(dir, generation string) error {
	current := filepath.Join(dir, dataLink)
	before, err := os.Readlink(current)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(generation, current+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(current+"_tmp", current); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, before))
}

// link makes the visible files those of data.
func link(dir string, data map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, e := range entries {
		have[e.Name()] = true
		if _, ok := data[e.Name()]; !ok && e.Name()[:min(2, len(e.Name()))] != ".." {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for name := range data {
		if !have[name] {
			if err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func same(dir string, data map[string][]byte) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(data) {
		return false
	}
	for name, want := range data {
		if have, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(have, want) {
			return false
		}
	}
	return true
}
