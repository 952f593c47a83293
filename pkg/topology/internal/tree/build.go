package tree

import (
	"math"
	"strconv"

	"gopkg.in/yaml.v3"
)

// builder turns yaml nodes into a tree and collects what is wrong with them.
type builder struct {
	file     string
	aliased  bool // that there are aliases has been reported
	problems Problems
}

func (b *builder) build(n *yaml.Node, path *Trail, depth int) *Tree {
	t := &Tree{At: Position{b.file, n.Line, n.Column}}
	if depth > maxDepth {
		b.problems.Add(t.At, "", "take out what is below this", "is nested deeper than %d levels", maxDepth)
		return t
	}
	if (n.Kind == yaml.AliasNode || n.Anchor != "") && !b.aliased {
		b.aliased = true // once a file: a bomb has thousands
		b.problems.Add(t.At, path.String(), "write the values out", "anchors and aliases (& and *) are not supported")
	}
	if n.Kind == yaml.AliasNode {
		return t
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Tag != "" && !standardTags[n.ShortTag()] {
		b.problems.Add(t.At, path.String(), "take it out", "the tag %s is not supported", strconv.QuoteToASCII(n.Tag))
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.buildMapping(t, n, path, depth)
	case yaml.SequenceNode:
		t.Kind = Sequence
		for i, c := range n.Content {
			t.Items = append(t.Items, b.build(c, &Trail{up: path, item: i, kind: trailIndex}, depth+1))
		}
	default:
		b.buildScalar(t, n)
	}
	return t
}

var standardTags = map[string]bool{
	"!!map": true, "!!seq": true, "!!str": true, "!!int": true, "!!float": true, "!!bool": true,
	"!!null": true, "!!timestamp": true, "!!merge": true,
}

func (b *builder) buildMapping(t *Tree, n *yaml.Node, path *Trail, depth int) {
	t.Kind, t.fields = Mapping, map[string]field{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := Position{b.file, k.Line, k.Column}
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0:
			b.problems.Add(at, path.String(), "write a word before the colon", "a key must be plain text")
			continue
		case k.ShortTag() == "!!merge":
			b.problems.Add(at, path.String(), "write the keys out", "merge keys (<<) are not supported")
			continue
		case k.Value == "":
			b.problems.Add(at, path.String(), "write a word before the colon", "a key is empty")
			continue
		}
		if before, ok := t.fields[k.Value]; ok {
			b.problems.Add(at, path.Key(k.Value).String(), "keep one of the two", "is already on line %d", before.key.Line)
			b.build(v, path.Key(k.Value), depth+1)
			continue
		}
		t.Put(k.Value, at, b.build(v, path.Key(k.Value), depth+1))
	}
}

func (b *builder) buildScalar(t *Tree, n *yaml.Node) {
	t.Text, t.Value = n.Value, n.Value
	t.Quoted = n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch n.ShortTag() {
	case "!!null":
		t.Value = nil
	case "!!bool":
		var v bool
		if n.Decode(&v) == nil {
			t.Value = v
		}
	case "!!int":
		var v int64
		if n.Decode(&v) == nil {
			t.Value = v
		}
	case "!!float":
		var v float64
		if n.Decode(&v) == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			t.Value = v // what JSON cannot hold stays text
		}
	}
}
