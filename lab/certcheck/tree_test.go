package certcheck

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// A node is one value of DER.
type node struct {
	tag     byte
	content []byte
	nodes   []*node // in place of content
	wraps   bool    // an OCTET STRING that holds DER
}

// tree reads DER; nil for what is not.
func tree(der []byte) []*node {
	var all []*node
	for len(der) > 0 {
		if len(der) < 2 || der[0]&0x1f == 0x1f {
			return nil
		}
		head, length := 2, int(der[1])
		if length >= 0x80 {
			n := length & 0x7f
			if n == 0 || n > 3 || len(der) < 2+n {
				return nil
			}
			head, length = 2+n, 0
			for _, b := range der[2 : 2+n] {
				length = length<<8 | int(b)
			}
		}
		if len(der) < head+length {
			return nil
		}
		n := &node{tag: der[0], content: der[head : head+length]}
		if n.tag&0x20 != 0 {
			n.nodes = tree(n.content)
		} else if n.tag == 4 {
			n.nodes = tree(n.content)
			n.wraps = len(n.nodes) == 1
			if !n.wraps {
				n.nodes = nil
			}
		}
		all, der = append(all, n), der[head+length:]
	}
	return all
}

func (n *node) encode() []byte {
	if n.nodes == nil {
		return seq(n.tag, n.content)
	}
	var parts [][]byte
	for _, c := range n.nodes {
		parts = append(parts, c.encode())
	}
	return seq(n.tag, parts...)
}

// A spot is a node and the list that it stands in.
type spot struct {
	parent *node
	i      int
}

// spots are all places below n.
func (n *node) spots() []spot {
	var all []spot
	for i, c := range n.nodes {
		all = append(all, spot{n, i})
		all = append(all, c.spots()...)
	}
	return all
}

// mutate changes one thing below n, and says what.
func (n *node) mutate(r *rand.Rand) string {
	all := n.spots()
	s := all[r.IntN(len(all))]
	c := s.parent.nodes[s.i]
	switch op := r.IntN(9); {
	case op == 0:
		s.parent.nodes = slices.Delete(slices.Clone(s.parent.nodes), s.i, s.i+1)
		if len(s.parent.nodes) == 0 {
			s.parent.nodes, s.parent.content = nil, nil
		}
		return "dropped"
	case op == 1:
		s.parent.nodes = slices.Insert(slices.Clone(s.parent.nodes), s.i, c)
		return "doubled"
	case op == 2:
		c.nodes, c.content = nil, nil
		return "emptied"
	case op == 3 && len(s.parent.nodes) > 1:
		j := r.IntN(len(s.parent.nodes))
		s.parent.nodes[s.i], s.parent.nodes[j] = s.parent.nodes[j], s.parent.nodes[s.i]
		return "exchanged"
	case op == 4 && slices.Contains([]byte{0x0c, 0x13, 0x16, 0x14}, c.tag):
		c.tag = []byte{0x0c, 0x13, 0x16, 0x14}[r.IntN(4)]
		return "of another kind"
	case op == 5 && c.nodes == nil && len(c.content) > 0:
		if up := bytes.ToUpper(c.content); !bytes.Equal(up, c.content) {
			c.content = up
			return "in capitals"
		}
		fallthrough
	case op <= 7 && c.nodes == nil && len(c.content) > 0:
		c.content = slices.Clone(c.content)
		c.content[r.IntN(len(c.content))] ^= 1 << r.IntN(8)
		return "with a bit flipped"
	case c.nodes == nil && len(c.content) > 0:
		c.content = append(slices.Clone(c.content), byte(r.IntN(256)))
		return "longer"
	}
	c.tag ^= 1 << r.IntN(8)
	return "with another tag"
}
