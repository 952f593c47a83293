package workdir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An Imported says what became of the answer to the request of one cluster.
type Imported struct {
	Cluster string
	Name    string    // of the file that holds it now, as the user would type it
	Until   time.Time // zero where there was no answer
}

// ImportOptions say what is imported.
type ImportOptions struct {
	IDs  []certs.Identity // of the clusters
	From []string         // files, or directories of them; "-" is Stdin
	Back bool             // below the old root of a rotation; see [Dir.Requesting]
	Now  time.Time

	Stdin io.Reader
}

// Import takes the answers to the requests of [Dir.Request]: certificates, each for one
// of the keys, and those above them, in any file and any order. All are judged before
// one is written, and one that does not do is an error. A cluster without an answer goes
// on waiting. What is written is the key and its certificates in one file, in place of
// what was imported before; then the request is removed.
func (d *Dir) Import(ctx context.Context, o ImportOptions) ([]Imported, error) {
	unlock, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	root, isNew, err := d.Requesting(o.Back)
	if err != nil {
		return nil, err
	}
	answers, err := readAnswers(o.From, o.Stdin)
	if err != nil {
		return nil, err
	}
	out, files, err := d.judgeAnswers(root, isNew, answers, o)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := d.replace(f.newFile); err != nil {
			return nil, err
		}
		for _, done := range []string{requestKeyFile(f.cluster), requestFile(f.cluster)} {
			if err := d.remove(done); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// A file that answers the request of a cluster.
type answerFile struct {
	newFile
	cluster string
}

// judgeAnswers finds the answer to each request.
func (d *Dir) judgeAnswers(root *certs.Root, isNew bool, answers []byte, o ImportOptions) ([]Imported, []answerFile, error) {
	var out []Imported
	var files []answerFile
	var errs []error
	for _, id := range o.IDs {
		key, err := d.readKey(requestKeyFile(id.Cluster))
		if err != nil {
			errs = append(errs, err)
		}
		if err != nil || key == nil {
			continue
		}
		one := Imported{Cluster: id.Cluster, Name: d.Path(issuedFile(id.Cluster, isNew))}
		switch b, err := root.Accept(*key, answers, o.Now, id); {
		case errors.Is(err, certs.ErrOtherKey):
		case err != nil:
			errs = append(errs, refused(id.Cluster, err))
			continue
		default:
			one.Until = b.NotAfter()
			files = append(files, answerFile{newFile{issuedFile(id.Cluster, isNew), b.Keep().Encode().Bytes(), 0o600}, id.Cluster})
		}
		out = append(out, one)
	}
	switch {
	case len(errs) > 0:
		return nil, nil, errors.Join(errs...)
	case len(out) == 0:
		return nil, nil, wrong("", "no request is waiting for an answer", "setup-mesh certs csr makes requests")
	case len(files) == 0:
		return nil, nil, wrong(strings.Join(o.From, ", "), "no certificate is for the key of a request of ours",
			"have the CSRs signed that are in "+d.Path(certsDir)+": every cluster has a key of its own")
	}
	return out, files, nil
}

// refused is the error about the answer for a cluster.
func refused(cluster string, err error) error {
	out := &Error{Subject: "the answer for " + cluster, Err: err}
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		out.Fix = e.Hint
		if e.File == certs.AnswerFile {
			out.Err = e.Err
		}
	}
	return out
}

// readAnswers reads the certificates in files and directories.
func readAnswers(from []string, stdin io.Reader) ([]byte, error) {
	var all bytes.Buffer
	for _, name := range from {
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			if files, err = certFiles(name); err != nil {
				return nil, err
			}
		}
		for _, file := range files {
			called, data, err := readAnywhere(file, stdin, maxFile)
			if err != nil {
				return nil, err
			}
			if err := certs.CheckCertificates(data); err != nil {
				return nil, About(called, err)
			}
			all.Write(data)
			all.WriteByte('\n')
		}
	}
	return all.Bytes(), nil
}

// certFiles are the files of a directory that are named as certificates are.
func certFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, about(dir, err)
	}
	endings := []string{".pem", ".crt", ".cer", ".cert"}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && slices.Contains(endings, strings.ToLower(filepath.Ext(e.Name()))) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, wrong(dir, fmt.Sprintf("holds no file named as certificates are (%s)", strings.Join(endings, ", ")), "name the files one by one")
	}
	return out, nil
}
