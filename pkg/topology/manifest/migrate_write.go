package manifest

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
)

// A writer makes YAML of trees.
type writer struct {
	comments map[place]comments  // those that have not been written yet
	decided  map[string][]string // by path
	written  []written
}

// written is a key or an item that stands on lines of its own, by the line that it
// came from.
type written struct {
	line int
	node *yaml.Node
}

// A place is a line and a column.
type place struct{ line, column int }

// comments are what stood around a key or an item, and how its value was written.
type comments struct {
	head, line, foot string
	flow             bool
}

func commentsOf(data []byte) map[place]comments {
	out := map[place]comments{}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return out
	}
	out[place{}] = comments{head: doc.HeadComment}
	out[place{line: math.MaxInt}] = comments{head: doc.FootComment}
	add := func(at place, c comments) { // the first key of an item is where the item is
		had := out[at]
		out[at] = comments{joined(had.head, c.head), firstOf(had.line, c.line), joined(had.foot, c.foot), had.flow || c.flow}
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			value := c
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				walk(c)
				continue
			}
			if n.Kind == yaml.MappingNode {
				value = n.Content[i+1]
			}
			add(place{c.Line, c.Column}, comments{
				joined(c.HeadComment, headOf(value, c)), firstOf(value.LineComment, c.LineComment), joined(c.FootComment, footOf(value, c)), value.Style&yaml.FlowStyle != 0,
			})
			if n.Kind != yaml.MappingNode {
				walk(c)
			}
		}
	}
	walk(doc.Content[0])
	return out
}

// headOf and footOf are the comments of the value of a key.
func headOf(value, key *yaml.Node) string {
	if value == key {
		return ""
	}
	return value.HeadComment
}

func footOf(value, key *yaml.Node) string {
	if value == key {
		return ""
	}
	return value.FootComment
}

func joined(a, b string) string { return strings.Trim(a+"\n"+b, "\n") }

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// decide keeps a decision for where its setting is, or for what was around it.
func (w *writer) decide(today *tree.Tree, d legacy.Decision) {
	text := strings.TrimPrefix(d.Path, "spec.") + " " + d.Message
	at := "spec." + d.To
	switch {
	case d.To != "" && today.Find(d.To) != nil:
		text = "was " + strings.TrimPrefix(d.Path, "spec.")
	case d.Level == legacy.Mistake:
		text = "DECIDE: " + text
		at = nearestLeft(today, d.Path)
	default:
		at = nearestLeft(today, d.Path)
	}
	if d.Hint != "" {
		text += "\n  " + d.Hint
	}
	w.decided[at] = append(w.decided[at], text)
}

// nearestLeft is the path of what is left of the mappings around a path.
func nearestLeft(today *tree.Tree, path string) string {
	for {
		below := strings.TrimPrefix(path, "spec.")
		if v := today.Find(below); v != nil && path != "spec" {
			return path
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return "spec"
		}
		path = path[:i]
	}
}

func (w *writer) document(kind string, user, body *tree.Tree) []byte {
	version := map[string]string{KindControlPlane: VersionControlPlane, KindOperator: VersionOperator}[kind]
	root := tree.NewMapping()
	root.Put("apiVersion", user.KeyAt("apiVersion"), tree.FromPlain(version))
	root.Put("kind", user.KeyAt("kind"), tree.FromPlain(kind))
	if kept := keptMetadata(user.Get("metadata")); len(kept.Keys()) > 0 {
		root.Put("metadata", user.KeyAt("metadata"), kept)
	}
	root.Put("spec", user.KeyAt("spec"), body)
	node := w.node(root, "", false)
	w.orphans()
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(node); err != nil { // only a failing writer
		return nil
	}
	return out.Bytes()
}

// orphans puts the comments of what is no longer there before what followed it in the
// user's file.
func (w *writer) orphans() {
	slices.SortStableFunc(w.written, func(a, b written) int { return cmp.Compare(a.line, b.line) })
	for _, at := range slices.SortedFunc(maps.Keys(w.comments), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	}) {
		c := w.comments[at]
		text := joined(joined(c.head, c.line), c.foot)
		if text == "" {
			continue
		}
		i, _ := slices.BinarySearchFunc(w.written, at.line, func(x written, line int) int { return cmp.Compare(x.line, line) })
		if i == len(w.written) {
			last := w.written[i-1].node
			last.FootComment = joined(last.FootComment, text)
			continue
		}
		next := w.written[i].node
		next.HeadComment = joined(text, next.HeadComment)
	}
}

// keptMetadata is what users write of metadata.
func keptMetadata(metadata *tree.Tree) *tree.Tree {
	out := tree.NewMapping()
	for _, k := range []string{"name", "namespace", "labels", "annotations"} {
		if v := metadata.Get(k); !v.IsNull() {
			out.Put(k, metadata.KeyAt(k), v)
		}
	}
	return out
}

// node makes YAML of what is at a path; inLine where it is written in one line.
func (w *writer) node(t *tree.Tree, path string, inLine bool) *yaml.Node {
	switch t.Kind {
	case tree.Mapping:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range t.Keys() {
			here, at := tree.Join(path, k), t.KeyAt(k)
			var had comments
			if !onTheWay(t.Get(k), at) {
				had = w.claim(at)
			}
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: k}
			value := w.node(t.Get(k), here, inLine || had.flow)
			w.around(key, value, had, here)
			if !inLine && !at.IsZero() {
				w.written = append(w.written, written{at.Line, key})
			}
			n.Content = append(n.Content, key, value)
		}
		return n
	case tree.Sequence:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i, item := range t.Items {
			here := tree.ItemPath(path, i, item)
			had := w.claim(item.At)
			value := w.node(item, here, inLine || had.flow)
			w.around(value, value, had, here)
			n.Content = append(n.Content, value)
		}
		return n
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: t.Text}
	switch {
	case t.Value == nil:
		n.Tag = "!!null"
	case strings.Contains(t.Text, "\n"):
		n.Tag, n.Style = "!!str", yaml.LiteralStyle
	case t.Quoted:
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	default:
		if _, text := t.Value.(string); text {
			n.Tag = "!!str" // quoted where it would be read otherwise
		}
	}
	return n
}

// onTheWay says whether a mapping was made for something that was moved into it, of
// which it has the place.
func onTheWay(t *tree.Tree, at tree.Position) bool {
	return slices.ContainsFunc(t.Keys(), func(k string) bool { return t.KeyAt(k) == at })
}

// claim takes the comments of a place, to be written.
func (w *writer) claim(at tree.Position) comments {
	p := place{at.Line, at.Column}
	c := w.comments[p]
	if at.IsZero() {
		return comments{}
	}
	delete(w.comments, p)
	return c
}

// around puts comments on what stands there now, the user's first.
func (w *writer) around(key, value *yaml.Node, had comments, path string) {
	key.HeadComment = joined(had.head, comment(w.decided[path]))
	key.FootComment = had.foot
	if value.Kind == yaml.ScalarNode {
		value.LineComment = had.line
	} else {
		key.HeadComment = joined(key.HeadComment, had.line)
	}
	if had.flow && !commented(value) {
		value.Style |= yaml.FlowStyle
	}
}

// commented says whether there is a comment in a node, which has no room in a line.
func commented(n *yaml.Node) bool {
	for _, c := range n.Content {
		if c.HeadComment+c.LineComment+c.FootComment != "" || commented(c) {
			return true
		}
	}
	return false
}

func comment(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "# " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n# ")
}
