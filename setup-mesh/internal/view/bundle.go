package view

import (
	"fmt"
	"io"
)

// BundleFacts are what there is to say about a bundle.
type BundleFacts struct {
	File    string // "-" for standard output
	Bytes   int    // of the archive
	Files   int
	Missing []string // what could not be had
	Found   []string // files in which only the last check found values of Secrets
}

// Bundled says what is in a bundle, on out, and what to do with it, on msg.
func Bundled(out, msg io.Writer, b BundleFacts) {
	name := b.File
	if name == "-" {
		name = "standard output"
	}
	say(out, "%s   %s, %s", name, count(b.Files, "file"), kibibytes(b.Bytes))
	for _, what := range b.Missing {
		say(msg, "setup-mesh: warning: not in the bundle: %s", what)
	}
	if len(b.Found) > 0 {
		say(msg, "setup-mesh: warning: values of Secrets stood in %s, and were taken out: see [redacted] there, and please report where they came from", every(b.Found))
	}
	say(msg, "It holds no secrets, but names and addresses of your clusters. Read it before you send it.")
	if b.File != "-" {
		say(msg, "To read it: tar -xzf %s; README.txt says what is where.", b.File)
	}
}

// kibibytes is a size in words.
func kibibytes(n int) string {
	if n < 10<<10 {
		return fmt.Sprintf("%.1f KiB", float64(n)/1024)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
