package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// viewPrep prints what prep did: the files on out, and on msg what to know about
// them and what comes next. plan is the command that plans in this directory,
// such as "setup-mesh plan --dir mydir".
func viewPrep(out, msg io.Writer, r prepReport, plan string) {
	width := 0
	for _, f := range r.Files {
		width = max(width, len(f.Name))
	}
	topology := ""
	for _, f := range r.Files {
		line := fmt.Sprintf("%-7s %-*s   %s", f.Action, width, f.Name, prepRemark(r, f))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
		if f.File == topologyFile {
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
func prepRemark(r prepReport, f prepFile) string {
	switch {
	case f.File == rootCertFile:
		return prepRoot(r.Root)
	case f.File == rootKeyFile && f.Action == prepAbsent:
		return "kept elsewhere?"
	case f.File == topologyFile && r.Clusters > 0:
		return clusterCount(r.Clusters)
	case f.Action != prepCreated:
		return ""
	}
	return map[string]string{
		topologyFile:  "add your clusters here",
		baseFile:      "IstioControlPlane for all clusters",
		rootKeyFile:   "keep it safe: it signs every cluster's CA",
		gitignoreFile: "keeps the root key out of git",
	}[f.File]
}

// prepRoot describes the root: whose it is, its kind of key, and its end.
func prepRoot(r rootFacts) string {
	name := "root of " + r.Mesh
	if r.Mesh == "" {
		name = "your own root, " + r.Name
	}
	return fmt.Sprintf("%s, %s, until %s", name, r.Algorithm, r.NotAfter.Format(time.DateOnly))
}

func clusterCount(n int) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}
