// Package rbac words permissions as objects that grant them.
package rbac

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// The objects that grant permissions, in the order in which they are printed:
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
type (
	grantList struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Items      []any  `yaml:"items"`
	}
	grantRole struct {
		APIVersion string      `yaml:"apiVersion"`
		Kind       string      `yaml:"kind"`
		Metadata   grantMeta   `yaml:"metadata,flow"`
		Rules      []grantRule `yaml:"rules"`
	}
	grantRule struct {
		Groups    []string `yaml:"apiGroups,flow"`
		Resources []string `yaml:"resources,flow"`
		Verbs     []string `yaml:"verbs,flow"`
	}
	grantBinding struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Metadata   grantMeta      `yaml:"metadata,flow"`
		RoleRef    grantSubject   `yaml:"roleRef,flow"`
		Subjects   []grantSubject `yaml:"subjects,flow"`
	}
	grantMeta struct {
		Name      string            `yaml:"name"`
		Namespace string            `yaml:"namespace,omitempty"`
		Labels    map[string]string `yaml:"labels"`
	}
	grantSubject struct {
		Group     string `yaml:"apiGroup,omitempty"`
		Kind      string `yaml:"kind"`
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace,omitempty"`
	}
)

// Grant is what kubectl has to apply so that user may do what is missing: a Role
// for what is in namespace, a ClusterRole for all else, and their bindings. An
// empty user gets no binding; without a namespace there is no Role. It is one
// document, so that it can be copied with its indentation.
//
// The name of the roles says what is in them: a role of before, which user
// needs still, is not replaced.
func Grant(user, namespace string, missing []object.Access) string {
	var wide, narrow []object.Access
	for _, a := range missing {
		if namespace != "" && a.Namespace == namespace {
			narrow = append(narrow, a)
		} else {
			wide = append(wide, a)
		}
	}
	list := grantList{APIVersion: "v1", Kind: "List"}
	list.add("ClusterRole", user, "", Rules(wide))
	list.add("Role", user, namespace, Rules(narrow))
	return encodeGrant(list)
}

func (l *grantList) add(kind, user, namespace string, rules []grantRule) {
	if len(rules) == 0 {
		return
	}
	meta := grantMeta{Name: "setup-mesh-" + digestOf(rules), Namespace: namespace, Labels: map[string]string{object.LabelPermissions: "true"}}
	const version = object.RBACGroup + "/v1"
	l.Items = append(l.Items, grantRole{APIVersion: version, Kind: kind, Metadata: meta, Rules: rules})
	if user != "" {
		l.Items = append(l.Items, grantBinding{
			APIVersion: version, Kind: kind + "Binding", Metadata: meta,
			RoleRef:  grantSubject{Group: object.RBACGroup, Kind: kind, Name: meta.Name},
			Subjects: []grantSubject{userSubject(user)},
		})
	}
}

// userSubject is user in a binding:
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects
func userSubject(user string) grantSubject {
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		if namespace, name, ok := strings.Cut(account, ":"); ok {
			return grantSubject{Kind: "ServiceAccount", Name: name, Namespace: namespace}
		}
	}
	return grantSubject{Group: object.RBACGroup, Kind: "User", Name: user}
}

// Rules puts accesses together: one rule for the resources of a group with the
// same verbs. They are sorted.
func Rules(accesses []object.Access) []grantRule {
	type resource struct{ group, name string }
	verbs := map[resource][]string{}
	for _, a := range accesses {
		r := resource{a.Group, a.Resource}
		if a.Subresource != "" {
			r.name += "/" + a.Subresource
		}
		if !slices.Contains(verbs[r], a.Verb) {
			verbs[r] = append(verbs[r], a.Verb)
		}
	}
	type kind struct{ group, verbs string }
	alike := map[kind]*grantRule{}
	for r, v := range verbs {
		slices.Sort(v)
		k := kind{r.group, strings.Join(v, " ")}
		if alike[k] == nil {
			alike[k] = &grantRule{Groups: []string{r.group}, Verbs: v}
		}
		alike[k].Resources = append(alike[k].Resources, r.name)
	}
	var out []grantRule
	for _, r := range alike {
		slices.Sort(r.Resources)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b grantRule) int {
		return cmp.Or(cmp.Compare(a.Groups[0], b.Groups[0]), cmp.Compare(a.Resources[0], b.Resources[0]))
	})
	return out
}

// digestOf is short: it tells the few roles apart that one user is granted.
func digestOf(rules []grantRule) string {
	sum := sha256.Sum256([]byte(encodeGrant(rules)))
	return hex.EncodeToString(sum[:4])
}

// encodeGrant cannot fail: there are only strings in what it encodes.
func encodeGrant(v any) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	_ = e.Encode(v)
	return b.String()
}

// GrantIt is the remedy of which the manifest is the detail.
const GrantIt = "have an administrator of the cluster apply this, with kubectl apply -f"
