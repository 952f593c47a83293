package workdir

import (
	"io"
	"os"
)

// ReadManifest reads a manifest of the user's, wherever it is: file, standard input
// where that is "-", or base.yaml of the work directory where it is "". It also returns
// what to call it. More than any manifest may have is cut off, one byte after that.
func ReadManifest(dir, file string, stdin io.Reader) (name string, data []byte, err error) {
	switch file {
	case "":
		d, err := Open(dir)
		if err != nil {
			return "", nil, err
		}
		defer d.Close()
		data, err := d.read(BaseFile, nil)
		return d.Path(BaseFile), data, err
	case "-":
		name = "standard input"
		data, err = io.ReadAll(io.LimitReader(stdin, maxFile))
	default:
		name = file
		var f *os.File
		if f, err = os.Open(file); err == nil {
			defer f.Close()
			data, err = io.ReadAll(io.LimitReader(f, maxFile))
		}
	}
	if err != nil {
		return "", nil, about(name, err)
	}
	return name, data, nil
}
