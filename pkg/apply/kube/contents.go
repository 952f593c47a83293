package kube

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// aggregated is how an API server is asked for all kinds of all groups at once:
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// Contents returns the kinds of objects that end with the namespace they are in,
// each in the version that the API server prefers; those of CRDs and of
// aggregated APIs are among them. It costs two requests. An API server that
// cannot tell all of them is an error.
func (c *Cluster) Contents(ctx context.Context) ([]schema.GroupKind, error) {
	var out []schema.GroupKind
	for _, path := range []string{"/api", "/apis"} {
		var list groupList
		if err := c.getJSONAs(ctx, path, aggregated, &list); err != nil {
			return nil, err
		}
		if list.Kind != "APIGroupDiscoveryList" {
			return nil, &object.Error{Class: object.ServerFault, Context: c.context, Op: "read " + path, Message: "the API server does not list its kinds in the form that Kubernetes has had since 1.30"}
		}
		for _, g := range list.Items {
			kinds, err := g.contents()
			if err != nil {
				return nil, &object.Error{Class: object.ServerFault, Context: c.context, Op: "read " + path, Message: err.Error()}
			}
			out = append(out, kinds...)
		}
		c.learn(list)
	}
	return out, nil
}

// A groupList is the part that matters here of
// https://pkg.go.dev/k8s.io/api/apidiscovery/v2#APIGroupDiscoveryList
type groupList struct {
	Kind  string  `json:"kind"`
	Items []group `json:"items"`
}

type group struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Versions []struct {
		Version   string `json:"version"`
		Freshness string `json:"freshness"`
		Resources []struct {
			Resource     string `json:"resource"`
			ResponseKind struct {
				Kind string `json:"kind"`
			} `json:"responseKind"`
			Scope string   `json:"scope"`
			Verbs []string `json:"verbs"`
		} `json:"resources"`
	} `json:"versions"`
}

// contents are the kinds of g that are deleted with their namespace: those that
// can be listed and deleted.
func (g group) contents() ([]schema.GroupKind, error) {
	var out []schema.GroupKind
	seen := map[string]bool{}
	for _, v := range g.Versions {
		if v.Freshness == "Stale" {
			return nil, fmt.Errorf("the aggregated API %s/%s does not answer", plain.Clean(g.Metadata.Name), plain.Clean(v.Version))
		}
		for _, r := range v.Resources {
			if r.Scope == "Namespaced" && !seen[r.Resource] && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") {
				out = append(out, schema.GroupKind{Group: g.Metadata.Name, Kind: r.ResponseKind.Kind})
			}
			seen[r.Resource] = true
		}
	}
	return out, nil
}

// learn remembers what the server said, so that nobody asks again.
func (c *Cluster) learn(list groupList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range list.Items {
		for _, v := range g.Versions { // the preferred one first
			for _, r := range v.Resources {
				kind := schema.GroupKind{Group: g.Metadata.Name, Kind: r.ResponseKind.Kind}
				if _, known := c.served[kind]; !known {
					c.served[kind] = object.Resource{Version: v.Version, Plural: r.Resource, Namespaced: r.Scope == "Namespaced"}
				}
			}
		}
	}
}
