// Package object names the objects of a cluster, and says what is known of them
// without asking it: kinds, managers, the names that Istio and we give them, and
// errors about one.
package object

// An Access is a verb on the objects of a resource: in one namespace or, if
// Namespace is empty, in the whole cluster. It is comparable.
type Access struct {
	Verb        string
	Group       string
	Resource    string // the plural, as in the rules of a role
	Subresource string
	Namespace   string
}

// AccessTo is verb on the objects of ref's kind in ref's namespace.
func AccessTo(verb string, ref Ref) Access {
	return Access{Verb: verb, Group: ref.Group, Resource: ref.Resource(), Namespace: ref.Namespace}
}

// Everything is what a cluster's administrator may do.
func Everything() Access { return Access{Verb: "*", Group: "*", Resource: "*"} }
