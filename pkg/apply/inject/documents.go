package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A document is one of a file, with the line of "---" that begins it.
type document struct {
	file   string
	text   []byte
	number int // of those that hold something, from 1
	line   int // of the file, from 1
}

// split cuts a file at its lines of "---". The texts of the documents, one after the
// other, are the file.
func split(name string, file []byte) []document {
	var docs []document
	at := document{file: name, line: 1}
	end := func() {
		if len(at.text) > 0 {
			docs = append(docs, at)
		}
	}
	line := 0
	for text := range bytes.Lines(file) {
		line++
		if separates(text) {
			end()
			at = document{file: name, line: line}
		}
		at.text = append(at.text, text...)
	}
	end()
	number := 0
	for i := range docs {
		if !docs[i].empty() {
			number++
		}
		docs[i].number = number
	}
	return docs
}

// separates says whether a document begins with this line:
// https://yaml.org/spec/1.2.2/#document-markers
func separates(line []byte) bool {
	after, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(after) == 0 || strings.ContainsRune(" \t\r\n", rune(after[0])))
}

// empty says whether the document holds comments and separators only.
func (d document) empty() bool {
	for line := range bytes.Lines(d.text) {
		if separates(line) {
			line = line[len("---"):]
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// parse reads the document, which is a mapping.
func (d document) parse() (map[string]any, error) {
	b, err := yaml.YAMLToJSON(d.text)
	if err != nil {
		return nil, d.notYAML(err.Error())
	}
	o, err := decoded(b)
	if err != nil || o == nil { // what err says would be content
		return nil, d.wrong(errors.New("not an object of Kubernetes"))
	}
	return o, nil
}

// notYAML is what the parser says, at its line of the file. What it quotes is left out.
func (d document) notYAML(why string) error {
	line := d.line
	if m := yamlLine.FindStringSubmatch(why); m != nil {
		n, _ := strconv.Atoi(m[1])
		line += n - 1
		why = m[2]
	}
	if strings.Contains(why, "invalid map key") {
		why = "a key is not a word: is it a template that is to be filled in first?"
	}
	why, _, _ = strings.Cut(strings.TrimPrefix(why, "yaml: "), "`")
	return d.problem(line, "not YAML: "+strings.TrimSpace(why))
}

var yamlLine = regexp.MustCompile(`yaml: line (\d+): (.*)$`)

// decoded is an object as JSON. Its numbers keep their digits.
func decoded(b []byte) (o map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&o)
	return o, err
}

// encoded is what becomes of the document with content o.
func (d document) encoded(o map[string]any) ([]byte, error) {
	out, err := yaml.Marshal(o)
	if err == nil && separates(d.text) {
		out = append([]byte("---\n"), out...)
	}
	return out, err
}

func (d document) wrong(err error) error { return d.problem(d.line, err.Error()) }

// problem is one of the document at a line of the file.
func (d document) problem(line int, what string) topology.Problems {
	return topology.Problems{{
		Position: topology.Position{File: d.file, Line: line, Column: 1}, Path: fmt.Sprintf("document %d", d.number), Message: what,
	}}
}
