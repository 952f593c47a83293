package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// named is a mesh in which every text is s, with a letter before it that tells one from
// another. Nothing of topology.ParseMesh or of a cluster has judged them.
func named(s string) *Graph {
	m := &topology.Mesh{ID: "m" + s, Clusters: []topology.Cluster{
		{Name: "a" + s, Context: "ca" + s, Network: "na" + s, Gateway: topology.Gateway{Addresses: []string{"g" + s}, Port: 1}},
		{Name: "b" + s, Context: "cb" + s, Network: "nb" + s},
		{Name: "r" + s, Context: "cr" + s, Network: "nb" + s, Primaries: []string{"a" + s}},
	}}
	st := &status.Status{Clusters: []status.Cluster{
		{Member: record.MemberOf(m.Clusters[0]), Istio: "i" + s, Gateway: "w" + s, Trust: status.Trust{State: "t" + s}, Discovers: map[string]string{"b" + s: "d" + s, "r" + s: "ok"}},
		{Member: record.MemberOf(m.Clusters[1]), Unreached: "u" + s},
		{Member: record.MemberOf(m.Clusters[2]), Served: "v" + s},
		{Member: record.Member{Name: "l" + s, Context: "cl" + s, Network: "nl" + s, Role: "p" + s}},
	}}
	for _, cluster := range []string{"a" + s, "b" + s, "r" + s, "", "z" + s} {
		st.Findings = append(st.Findings, plan.Finding{ID: "id" + s, Cluster: cluster, Peer: "b" + s, State: "d" + s, Message: "e" + s, Hint: "h" + s, Detail: "x" + s + "\ny" + s},
			plan.Finding{ID: "id" + s, Cluster: cluster, Message: "f" + s})
	}
	return New(m, nil, st)
}

// hostile are names that mean something to somebody.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></svg></style></script><b>`, `--></desc><!--`, `]]>`, `&lt;b&gt;&amp;`, `&`, `'`, `"`, "`", `\`, `\"`, `\N\G`,
	`"]; x -> y [label="`, `end`, `%%{init: {}}%%`, `#quot;#60;b#62;`, `<br/>`, `c0 --> c1`, `{{.}}`, `${1}`, "\x00\x01\x1b[2J", "a\nb\r\n", "\u202eevil\u2028\u2029", "\xff\xfe", "😀", "界", strings.Repeat("w", 300), " ", "",
	"javascript:alert(1)", "1. one", "- two", "/*", "//", "*/", "\ufffe\uffff", "e\u0301",
}

// TestNamesChangeNoStructure: whatever the names are, the drawing has the same elements
// and statements as with harmless names. Only texts differ.
func TestNamesChangeNoStructure(t *testing.T) {
	for _, s := range hostile {
		t.Run(fmt.Sprintf("%.20q", s), func(t *testing.T) { checkNames(t, s) })
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkNames(t, s) })
}

func checkNames(t *testing.T, s string) {
	t.Helper()
	for ending, skeleton := range map[string]func(*testing.T, []byte) string{"svg": xmlSkeleton, "html": htmlSkeleton, "dot": dotSkeleton, "mmd": mermaidSkeleton} {
		got, want := written(t, ending, named(s)), written(t, ending, named("x"))
		if !utf8.Valid(got) {
			t.Errorf("%s is not UTF-8", ending)
		}
		if diff := cmp.Diff(skeleton(t, want), skeleton(t, got)); diff != "" {
			t.Errorf("%s of %q (-harmless +this):\n%s", ending, s, diff)
		}
	}
}

func written(t *testing.T, ending string, g *Graph) []byte {
	t.Helper()
	b, err := formats()[ending](g)
	if err != nil {
		t.Fatalf("%s: %v", ending, err)
	}
	return b
}

// xmlSkeleton is the elements of an SVG with the names of their attributes. It fails
// where that is not well-formed.
func xmlSkeleton(t *testing.T, svg []byte) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	var b strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Errorf("not well-formed: %v\n%s", err, svg)
			return ""
		}
		switch token := token.(type) {
		case xml.StartElement:
			fmt.Fprintf(&b, "<%s", token.Name.Local)
			for _, a := range token.Attr {
				b.WriteString(" " + a.Name.Local)
			}
			b.WriteString(">\n")
		case xml.EndElement:
			fmt.Fprintf(&b, "</%s>\n", token.Name.Local)
		case xml.Comment, xml.ProcInst, xml.Directive:
			fmt.Fprintf(&b, "%T\n", token)
		}
	}
}

// void are the elements that have no end.
var void = map[string]bool{"meta": true, "input": true, "br": true}

// htmlSkeleton is the same of a page. It fails where elements do not end in the order
// in which they begin.
func htmlSkeleton(t *testing.T, page []byte) string {
	t.Helper()
	z := html.NewTokenizer(bytes.NewReader(page))
	var b strings.Builder
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
				t.Errorf("%v, with open elements %v", z.Err(), open)
			}
			return b.String()
		case html.StartTagToken:
			token := z.Token()
			if !void[token.Data] {
				open = append(open, token.Data)
			}
			writeTag(&b, token)
		case html.SelfClosingTagToken:
			writeTag(&b, z.Token())
		case html.EndTagToken:
			name := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != name {
				t.Errorf("</%s> ends %v", name, open)
				return ""
			}
			open = open[:len(open)-1]
			fmt.Fprintf(&b, "</%s>\n", name)
		case html.CommentToken:
			b.WriteString("comment\n")
		}
	}
}

func writeTag(b *strings.Builder, token html.Token) {
	fmt.Fprintf(b, "<%s", token.Data)
	for _, a := range token.Attr {
		b.WriteString(" " + a.Key)
	}
	b.WriteString(">\n")
}

// dotQuoted is a string of DOT: https://graphviz.org/doc/info/lang.html
var dotQuoted = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)

func dotSkeleton(t *testing.T, dot []byte) string {
	t.Helper()
	return dotQuoted.ReplaceAllString(string(dot), `""`)
}

// mermaidLabel is a label in which nothing means anything but line breaks and numbers
// of letters.
var mermaidLabel = regexp.MustCompile(`"(?:[\p{L}\p{Nd} .,:/?✓✕-]|#\d+;|<br/>)*"`)

func mermaidSkeleton(t *testing.T, mmd []byte) string {
	t.Helper()
	s := mermaidLabel.ReplaceAllString(string(mmd), `""`)
	return regexp.MustCompile(`accTitle: mesh (?:[\p{L}\p{Nd} .,:/?✓✕-]|#\d+;)*\n`).ReplaceAllString(s, "accTitle\n")
}

// TestPageIsSelfContained: nothing is loaded, and nothing runs but our script.
func TestPageIsSelfContained(t *testing.T) {
	z := html.NewTokenizer(bytes.NewReader(written(t, "html", examples(t)["mixed-broken"])))
	scripts := 0
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		switch token.Data {
		case "link", "img", "image", "iframe", "object", "embed", "base", "audio", "video", "use":
			t.Errorf("there is a %s", token)
		case "script":
			scripts++
		}
		for _, a := range token.Attr {
			if a.Key == "src" || a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasSuffix(a.Key, "href") && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s has %s=%q", token.Data, a.Key, a.Val)
			}
		}
	}
	if scripts != 2 { // one of them is data
		t.Errorf("%d scripts, want 2", scripts)
	}
	if s := drawingStyle + pageStyle; strings.Contains(s, "url(") || strings.Contains(s, "@import") {
		t.Error("the style loads something")
	}
}
