package bundle

import (
	"fmt"
	"strings"
	"time"
)

// intro is what whoever opens a bundle reads first.
const intro = `What setup-mesh bundle gathered of mesh %s at %s.

It holds no secret: of Secrets there are names, types, labels, the names of keys and
the subjects of certificates; of settings that may be anything, names without values.
What was taken out is %s or %s. Names of clusters, namespaces,
services and nodes, and addresses, are in it. Read it before you send it.

`

// about are the files that are the same for every mesh, and what is under clusters.
var about = [][2]string{
	{"versions.json", "of setup-mesh, of the Istio that it installs, and of this machine"},
	{"topology.yaml", "without comments, and without values that may be anything"},
	{"base.yaml", "the same"},
	{"plan.json", "as setup-mesh plan -o json"},
	{"status.json", "as setup-mesh status -o json"},
	{"clusters/NAME/cluster.json", "which cluster it is, or why it was not reached"},
	{"clusters/NAME/record.yaml", "what setup-mesh remembers there"},
	{"clusters/NAME/configuration/", "Istio's mesh configuration, and the values for injection"},
	{"clusters/NAME/objects/", "chosen fields of objects, a file for each kind"},
	{"clusters/NAME/logs/", "the end of what each istiod has logged"},
}

func (b *Bundle) index(c Contents) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, intro, c.Mesh, c.Now.UTC().Format(time.RFC3339), redacted, leftOut)
	for _, line := range about {
		fmt.Fprintf(&text, "  %-30s %s\n", line[0], line[1])
	}
	if len(b.Missing) > 0 {
		text.WriteString("\nWhat could not be had:\n\n")
		for _, what := range b.Missing {
			fmt.Fprintf(&text, "  %s\n", what)
		}
	}
	text.WriteString("\nAll files:\n\n")
	for _, f := range b.Files {
		fmt.Fprintf(&text, "  %8d  %s\n", len(f.Content), f.Name)
	}
	return []byte(text.String())
}
