package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// Prep prints what prep did: the files on out, and on msg what to know about
// them and what comes next. plan is the command that plans in this directory,
// such as "setup-mesh plan --dir mydir".
func Prep(out, msg io.Writer, r workdir.Report, plan string) {
	width := 0
	for _, f := range r.Files {
		width = max(width, len(f.Name))
	}
	topology := ""
	for _, f := range r.Files {
		line := fmt.Sprintf("%-7s %-*s   %s", f.Action, width, f.Name, prepRemark(r, f))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
		if f.File == workdir.TopologyFile {
			topology = f.Name
		}
	}
	for _, f := range r.Files {
		for _, note := range f.Notes {
			fmt.Fprintf(msg, "setup-mesh: warning: %s: %s\n", f.Name, note)
		}
	}
	if r.Clusters == 0 {
		fmt.Fprintf(msg, "next: add clusters to %s, then %s\n", topology, plan)
		return
	}
	fmt.Fprintf(msg, "next: %s\n", plan)
}

// prepRemark says in a few words what a file is for, where that is news.
func prepRemark(r workdir.Report, f workdir.File) string {
	switch {
	case f.File == workdir.RootCertFile:
		return prepRoot(r.Root)
	case f.File == workdir.SigningCertFile:
		return fmt.Sprintf("signs for the clusters: %s, %s, until %s", r.Root.Signing.Name, r.Root.Signing.Algorithm, r.Root.Signing.NotAfter.Format(time.DateOnly))
	case f.Action == workdir.Absent:
		return "kept elsewhere?"
	case f.File == workdir.TopologyFile && r.Clusters > 0:
		return clusterCount(r.Clusters)
	case strings.HasSuffix(f.File, ".age"):
		return "encrypted; it signs every cluster's CA"
	case f.Action != workdir.Created:
		return ""
	}
	return map[string]string{
		workdir.TopologyFile:   "add your clusters here",
		workdir.BaseFile:       "IstioControlPlane for all clusters",
		workdir.RootKeyFile:    "keep it safe: it signs every cluster's CA",
		workdir.SigningKeyFile: "keep it safe: it signs every cluster's CA",
		workdir.GitignoreFile:  "keeps the root key out of git",
	}[f.File]
}

// prepRoot describes the root: its mesh, its kind of key, and its end.
func prepRoot(r workdir.RootFacts) string {
	name := "root of " + r.Mesh
	if r.Mesh == "" {
		name = "your own root, " + r.Name
	}
	return fmt.Sprintf("%s, %s, until %s", name, r.Algorithm, r.NotAfter.Format(time.DateOnly))
}
