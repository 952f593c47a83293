package workdir

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// CAs reads the files that apiServer.caFile names, by context: the
// certificates in them, as PEM. Relative names are relative to topology.yaml.
// Mistakes are [topology.Problems] at the lines that name the files.
func (d *Dir) CAs(m *topology.Mesh) (map[string][]byte, error) {
	cas := map[string][]byte{}
	var problems topology.Problems
	for _, c := range m.Clusters {
		if c.APIServer.CAFile == "" {
			continue
		}
		file := c.APIServer.CAFile
		if !filepath.IsAbs(file) {
			file = d.Path(file)
		}
		ca, err := readCA(file)
		if err != nil {
			problems = append(problems, c.CAFileProblem(fmt.Sprintf("%s: %v", file, err), "a file with the PEM certificates of the CA, and nothing else"))
			continue
		}
		cas[c.Context] = ca
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return cas, nil
}

// readCA reads certificates. They go to other clusters, so a file that holds
// anything else is refused.
func readCA(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, about("", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, about("", err)
	}
	defer f.Close()
	rest, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, about("", err)
	}
	if len(rest) == maxFile {
		return nil, errors.New("is larger than 1 MiB")
	}
	var out []byte
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, errors.New("holds a certificate that cannot be parsed")
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	if len(out) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return out, nil
}
