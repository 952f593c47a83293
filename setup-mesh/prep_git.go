package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ignoreRules is the .gitignore that prep writes: topology.yaml, base.yaml and the
// root's certificate belong under version control, private keys do not.
const ignoreRules = `# Private keys stay out of version control, and so do temporary files.
/certs/*key*.pem
.setup-mesh-*.tmp
`

// ignoring are the lines of a .gitignore that cover the root key, as far as that
// can be told without git's own matching.
var ignoring = []string{"*", "*.pem", "*.key.pem", "*key*.pem", "*-key.pem", "root-key.pem",
	"certs", "certs/", "certs/*", "certs/*.pem", "certs/*key*.pem", "certs/*-key.pem", "certs/root-key.pem"}

// judgeIgnore looks whether a .gitignore that is there keeps the root key out.
func (p *preparation) judgeIgnore() prepFile {
	f := p.judgeFile(gitignoreFile)
	if f.Action == prepCreated {
		return f
	}
	data, err := p.w.read(gitignoreFile, nil)
	if err != nil {
		f.Notes = []string{fmt.Sprintf("cannot be read (%v): make sure that git does not get to see the root key", err)}
		return f
	}
	for line := range strings.Lines(string(data)) {
		if slices.Contains(ignoring, strings.TrimPrefix(strings.TrimSpace(line), "/")) {
			return f
		}
	}
	f.Notes = []string{"seems not to keep the root key out of git: add the line /certs/*key*.pem"}
	return f
}

// maxIndex bounds how much of a git index is read.
const maxIndex = 64 << 20

// gitTracks says whether the git repository around the work directory tracks a
// file of it. No means no, or that it cannot be told without running git.
func (w *workDir) gitTracks(file string) bool {
	abs, err := filepath.Abs(w.path)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return false
	}
	for top := abs; ; top = filepath.Dir(top) {
		if index, err := openIndex(filepath.Join(top, ".git")); err == nil {
			defer index.Close()
			data, err := io.ReadAll(io.LimitReader(index, maxIndex))
			rel, rerr := filepath.Rel(top, filepath.Join(abs, filepath.FromSlash(file)))
			return err == nil && rerr == nil && indexHas(data, filepath.ToSlash(rel))
		}
		if top == filepath.Dir(top) {
			return false
		}
	}
}

// openIndex opens the index of a repository; in a linked work tree, .git is a
// file that says where it is.
func openIndex(dotGit string) (*os.File, error) {
	if info, err := os.Stat(dotGit); err == nil && info.Mode().IsRegular() && info.Size() < 1<<16 {
		if data, err := os.ReadFile(dotGit); err == nil {
			dir := strings.TrimSpace(strings.TrimPrefix(string(data), "gitdir:"))
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(filepath.Dir(dotGit), dir)
			}
			dotGit = dir
		}
	}
	return os.Open(filepath.Join(dotGit, "index"))
}

// indexHas says whether a git index of version 2 or 3 has an entry: its name ends
// in NUL, and follows two bytes with its length. Version 4 shortens names, and is
// not read. https://git-scm.com/docs/index-format
func indexHas(index []byte, name string) bool {
	if len(index) < 12 || string(index[:4]) != "DIRC" || binary.BigEndian.Uint32(index[4:]) > 3 {
		return false
	}
	for rest, entry := index[12:], []byte(name+"\x00"); ; {
		i := bytes.Index(rest, entry)
		if i < 0 {
			return false
		}
		// An entry of version 3 may have two more bytes between length and name.
		for _, back := range []int{2, 4} {
			if i >= back && int(binary.BigEndian.Uint16(rest[i-back:])&0xfff) == min(len(name), 0xfff) {
				return true
			}
		}
		rest = rest[i+1:]
	}
}
