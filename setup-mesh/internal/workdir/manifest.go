package workdir

import (
	"fmt"
	"io"
	"os"
)

// ReadManifest reads a manifest of the user's, wherever it is: file, standard input
// where that is "-", or base.yaml of the work directory where it is "". It also returns
// what to call it. More than any manifest may have is cut off, one byte after that.
func ReadManifest(dir, file string, stdin io.Reader) (name string, data []byte, err error) {
	if file != "" {
		return readAnywhere(file, stdin, maxFile)
	}
	d, err := Open(dir)
	if err != nil {
		return "", nil, err
	}
	defer d.Close()
	data, err = d.read(BaseFile, nil)
	return d.Path(BaseFile), data, err
}

// maxWorkloads is how much a file of workloads may have: the objects of a whole cluster.
const maxWorkloads = 64 << 20

// ReadWorkloads reads a file of Kubernetes objects, or standard input where that is "-".
// It also returns what to call it.
func ReadWorkloads(file string, stdin io.Reader) (name string, data []byte, err error) {
	name, data, err = readAnywhere(file, stdin, maxWorkloads+1)
	if err == nil && len(data) > maxWorkloads {
		return "", nil, wrong(name, fmt.Sprintf("is larger than %d MiB", maxWorkloads>>20), "split it")
	}
	return name, data, err
}

// readAnywhere reads at most that many bytes of a file, or of standard input.
func readAnywhere(file string, stdin io.Reader, most int64) (name string, data []byte, err error) {
	name, from := "standard input", stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", nil, about(file, err)
		}
		defer f.Close()
		name, from = file, f
	}
	if data, err = io.ReadAll(io.LimitReader(from, most)); err != nil {
		return "", nil, about(name, err)
	}
	return name, data, nil
}
