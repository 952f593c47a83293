package check

import (
	"embed"
	"io/fs"
	"strings"
)

// meaningsOf holds what findings mean: a file for each area of checks, with a
// section for each check, headed by its ID.
//
//go:embed checks
var meaningsOf embed.FS

// meanings are the sections of all files, by ID.
func Meanings() map[string]string {
	out := map[string]string{}
	files, _ := fs.Glob(meaningsOf, "checks/*.md") // the pattern is a good one
	for _, name := range files {
		text, _ := meaningsOf.ReadFile(name) // it was listed
		for _, section := range strings.Split("\n"+string(text), "\n## ")[1:] {
			id, body, _ := strings.Cut(section, "\n")
			out[strings.TrimSpace(id)] = strings.TrimSpace(body)
		}
	}
	return out
}
