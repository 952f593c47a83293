package args

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// A Picture is what a mesh is drawn as.
type Picture string

// The pictures.
const (
	SVG     Picture = "svg"
	HTML    Picture = "html"
	Mermaid Picture = "mermaid"
	DOT     Picture = "dot"
)

// endings are those of files that hold pictures.
var endings = map[string]Picture{".svg": SVG, ".html": HTML, ".htm": HTML, ".mmd": Mermaid, ".mermaid": Mermaid, ".dot": DOT, ".gv": DOT}

// Graph is the command line of graph.
type Graph struct {
	Clusters
	Timeout time.Duration
	Picture Picture
	Offline bool   // draw what topology.yaml says
	Out     string // a file to write to, "" for standard output
}

// Flags fill a.
func (a *Graph) Flags() []cli.Flag {
	return append(a.Clusters.reaching(), timeoutFlag(&a.Timeout, 2*time.Minute, "give up after `TIME` in total"),
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, DefaultText: "svg, or what the ending of --out says",
			Usage: "`FORMAT` of the drawing: svg, html, mermaid or dot",
			Action: func(_ *cli.Context, v string) error {
				a.Picture = Picture(v)
				if !slices.Contains([]Picture{SVG, HTML, Mermaid, DOT}, a.Picture) {
					return &Error{fmt.Errorf("--output: unknown format %q", v), "use svg, html, mermaid or dot"}
				}
				return nil
			}},
		&cli.StringFlag{Name: "out", Aliases: []string{"out-file"}, Destination: &a.Out, Usage: "write the drawing to `FILE`, and replace one that is there (default: standard output)"},
		&cli.BoolFlag{Name: "offline", Destination: &a.Offline, Usage: "draw what topology.yaml asks for, and contact no cluster"},
	)
}

// Check completes a: without --output, the ending of the file says what to draw.
func (a *Graph) Check() error {
	switch {
	case a.Picture != "":
	case a.Out == "":
		a.Picture = SVG
	default:
		a.Picture = endings[strings.ToLower(filepath.Ext(a.Out))]
		if a.Picture == "" {
			return &Error{fmt.Errorf("--out: the ending of %q does not name a format", a.Out), "end it in .svg, .html, .mmd or .dot, or say -o svg"}
		}
	}
	return nil
}
