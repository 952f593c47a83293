package bundle

import (
	"bytes"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"sync"
	"unicode"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// seen are secrets that were read on the way. It may be used by several at once.
type seen struct {
	mu     sync.Mutex
	values map[string]bool
}

// word is a piece of a Secret that could stand by itself in another text.
var word = regexp.MustCompile(`[A-Za-z0-9+/=_.~!@#$%^&*-]{16,}`)

// add takes note of what is in Secrets; other objects are passed over.
func (s *seen) add(objects []*unstructured.Unstructured) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string]bool{}
	}
	for _, o := range objects {
		if o.GetKind() != "Secret" {
			continue
		}
		data, _, _ := unstructured.NestedMap(o.Object, "data")
		for _, v := range data {
			text, _ := v.(string)
			if value, err := base64.StdEncoding.DecodeString(text); err == nil {
				s.note(value)
			}
		}
	}
}

// note takes note of the words of a value that can only be secrets: names and addresses
// have no such mixture of signs.
func (s *seen) note(value []byte) {
	for _, w := range word.FindAll(value, -1) {
		if mixed(w) {
			s.values[string(w)] = true
			s.values[base64.StdEncoding.EncodeToString(w)] = true
		}
	}
}

// mixed says whether a word has capitals, small letters and digits.
func mixed(w []byte) bool {
	return bytes.ContainsFunc(w, unicode.IsUpper) && bytes.ContainsFunc(w, unicode.IsLower) && bytes.ContainsFunc(w, unicode.IsDigit)
}

// scrub takes what was seen out of a file, and counts how often.
func (s *seen) scrub(content []byte) ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := 0
	for _, w := range slices.Sorted(maps.Keys(s.values)) {
		if n := bytes.Count(content, []byte(w)); n > 0 {
			found += n
			content = bytes.ReplaceAll(content, []byte(w), []byte(redacted))
		}
	}
	return content, found
}
