package bundle

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
)

// root is the directory that all files of an archive are in.
const root = "setup-mesh-bundle"

// Archive writes the files as tar.gz, in their order. The same files give the same
// bytes.
func (b *Bundle) Archive(w io.Writer) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, f := range b.Files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: root + "/" + f.Name, Size: int64(len(f.Content)), Mode: 0o600, ModTime: b.now.UTC().Truncate(1e9), Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("pack %s: %w", f.Name, err)
		}
		if _, err := t.Write(f.Content); err != nil {
			return fmt.Errorf("pack %s: %w", f.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("pack the bundle: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack the bundle: %w", err)
	}
	return nil
}
