package kube

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
)

// explainFiles says in our own words what is wrong with kubeconfig files that
// clientcmd refused: its errors quote the tokens, passwords and keys of every
// user (https://github.com/kubernetes/kubernetes/pull/60464). A file that is
// absent is a mistake only if it is the one that the user named.
func explainFiles(paths []string, named bool) string {
	var out []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !named:
		case err != nil:
			out = append(out, fmt.Sprintf("%s: %s", plain.Clean(path), plain.Reason(err)))
		default:
			if _, err := clientcmd.Load(data); err != nil {
				out = append(out, fmt.Sprintf("%s: %s", plain.Clean(path), strings.Join(fileMistakes(data), "; ")))
			}
		}
	}
	if len(out) == 0 {
		return "the files cannot be merged"
	}
	return strings.Join(out, "; ")
}

// yamlLine is how a YAML parser's error begins; what follows may be content.
var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s+)?line (\d+): `)

// fileMistakes are the mistakes of one kubeconfig, which has at least one.
func fileMistakes(data []byte) []string {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			return []string{"line " + m[1] + ": not valid YAML"}
		}
		return []string{"not valid YAML"}
	}
	var out []string
	if len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode {
		root := doc.Content[0].Content
		for i := 0; i+1 < len(root); i += 2 {
			out = append(out, sectionMistakes(root[i].Value, root[i+1])...)
		}
	}
	if len(out) == 0 {
		return []string{"not a valid kubeconfig"}
	}
	return out
}

// sectionMistakes are those of a key at the top of a kubeconfig.
func sectionMistakes(key string, value *yaml.Node) []string {
	var entry func() any
	switch key {
	case "apiVersion", "kind":
		if want := map[string]string{"apiVersion": "v1", "kind": "Config"}[key]; value.Value != want {
			return []string{fmt.Sprintf("line %d: %s is not %s", value.Line, key, want)}
		}
		return nil
	case "clusters":
		entry = func() any { return &clientcmdv1.NamedCluster{} }
	case "contexts":
		entry = func() any { return &clientcmdv1.NamedContext{} }
	case "users":
		entry = func() any { return &clientcmdv1.NamedAuthInfo{} }
	default:
		return nil
	}
	if value.Kind != yaml.SequenceNode {
		return []string{fmt.Sprintf("line %d: %s is not a list", value.Line, key)}
	}
	var out []string
	lines := map[string]int{}
	for i, item := range value.Content {
		name, shown := nameOf(item, key, i)
		if first, ok := lines[name]; ok && name != "" {
			out = append(out, fmt.Sprintf("lines %d and %d: %s is defined twice", first, item.Line, shown))
		} else {
			lines[name] = item.Line
		}
		if mistake := entryMistake(item, entry()); mistake != "" {
			out = append(out, fmt.Sprintf("line %d: %s: %s", item.Line, shown, mistake))
		}
	}
	return out
}

// plainName is what a name is shown as: anything else may be a value in the
// wrong place.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,252}$`)

// nameOf returns the name of an entry and how it is called in a message:
// user "admin", or users[2] where the name is not one to show.
func nameOf(item *yaml.Node, section string, i int) (name, shown string) {
	if item.Kind == yaml.MappingNode {
		for j := 0; j+1 < len(item.Content); j += 2 {
			if item.Content[j].Value == "name" {
				name = item.Content[j+1].Value
			}
		}
	}
	if plainName.MatchString(name) && plain.Secret.FindString(name) == "" {
		return name, fmt.Sprintf("%s %q", strings.TrimSuffix(section, "s"), name)
	}
	return name, fmt.Sprintf("%s[%d]", section, i)
}

// entryMistake is what keeps item from being what into points to.
func entryMistake(item *yaml.Node, into any) string {
	var content any
	if err := item.Decode(&content); err != nil {
		return "not a valid entry"
	}
	data, err := json.Marshal(content)
	if err != nil {
		return "a key is not a string"
	}
	err = json.Unmarshal(data, into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return "not a mapping"
		}
		return e.Field + " has the wrong type" // the path is made of our own structs' fields
	}
	if err != nil {
		return strings.Join(append(notBase64(content), "not a valid entry")[:1], "")
	}
	return ""
}

// notBase64 names the first field that has to hold base64 and does not.
func notBase64(content any) []string {
	entry, _ := content.(map[string]any)
	for _, section := range []string{"cluster", "user"} {
		fields, _ := entry[section].(map[string]any)
		for _, name := range []string{"certificate-authority-data", "client-certificate-data", "client-key-data"} {
			text, _ := fields[name].(string)
			if _, err := base64.StdEncoding.DecodeString(text); err != nil {
				return []string{section + "." + name + " is not base64"}
			}
		}
	}
	return nil
}
