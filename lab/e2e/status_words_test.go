package e2e

import "strings"

// A noticed finding is one of status -o json, with what to do about it.
type noticed struct {
	ID      string `json:"id"`
	Cluster string `json:"cluster"`
	Peer    string `json:"peer"`
	Unknown bool   `json:"unknown"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

type statusWithNotes struct {
	Format   string    `json:"format"`
	Findings []noticed `json:"findings"`
	Notes    []noticed `json:"notes"`
}

// line is "check cluster" or "check cluster/peer", after "note" or "unknown" where it is one.
func (f noticed) line(kind string) string {
	about := f.Cluster
	if f.Peer != "" {
		about += "/" + f.Peer
	}
	if f.Unknown {
		kind += "unknown "
	}
	return kind + f.ID + " " + about
}

// each shows every finding with its line.
func (s statusWithNotes) each(show func(line string, f noticed)) {
	for _, f := range s.Findings {
		show(f.line(""), f)
	}
	for _, f := range s.Notes {
		show(f.line("note "), f)
	}
}

// remedy is that of the finding with a line, "" for none.
func (s statusWithNotes) remedy(of string) string {
	remedy := ""
	s.each(func(line string, f noticed) {
		if line == of {
			remedy = f.Hint
		}
	})
	return remedy
}

// words are for whoever reads why a test has failed.
func (s statusWithNotes) words() string {
	var b strings.Builder
	s.each(func(line string, f noticed) { b.WriteString(line + ": " + f.Message + " | " + f.Hint + "\n") })
	return b.String()
}
