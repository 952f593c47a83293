package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// resource finds out what the API calls ref's kind. An unknown kind costs a few
// requests the first time. A kind that the server does not serve is an error
// wrapping [object.ErrNoKind].
func (c *Cluster) resource(ctx context.Context, op string, ref object.Ref) (object.Resource, error) {
	c.mu.Lock()
	r, ok := c.served[ref.GroupKind()]
	c.mu.Unlock()
	if ok {
		return r, nil
	}
	if r, ok := object.ResourceOf(ref.GroupKind()); ok {
		return r, nil
	}
	return c.rediscover(ctx, op, ref)
}

// rediscover asks the server what it calls ref's kind, and remembers the
// answer.
func (c *Cluster) rediscover(ctx context.Context, op string, ref object.Ref) (object.Resource, error) {
	versions, err := c.versions(ctx, op, ref)
	if err != nil {
		return object.Resource{}, err
	}
	for _, version := range versions {
		r, ok, err := c.servedIn(ctx, ref.GroupKind(), version)
		if err != nil {
			return object.Resource{}, err
		}
		if ok {
			c.mu.Lock()
			c.served[ref.GroupKind()] = r
			c.mu.Unlock()
			return r, nil
		}
	}
	return object.Resource{}, c.noKind(op, ref)
}

// versions are those in which the server has ref's group, the preferred one
// first: none where it does not have the group. All groups are asked for, so
// that a proxy's "404" cannot be mistaken for the absence of one.
func (c *Cluster) versions(ctx context.Context, op string, ref object.Ref) ([]string, error) {
	if ref.Group == "" {
		return []string{"v1"}, nil
	}
	var groups struct {
		Kind   string `json:"kind"`
		Groups []struct {
			Name     string `json:"name"`
			Versions []struct {
				Version string `json:"version"`
			} `json:"versions"`
			Preferred struct {
				Version string `json:"version"`
			} `json:"preferredVersion"`
		} `json:"groups"`
	}
	if err := c.getJSON(ctx, "/apis", &groups); err != nil {
		return nil, err
	}
	if groups.Kind != "APIGroupList" {
		return nil, &object.Error{Class: object.ServerFault, Context: c.context, Op: op, Ref: ref, Message: "the server does not answer as a Kubernetes API"}
	}
	var out []string
	for _, g := range groups.Groups {
		if g.Name != ref.Group {
			continue
		}
		out = append(out, g.Preferred.Version)
		for _, v := range g.Versions {
			if !slices.Contains(out, v.Version) {
				out = append(out, v.Version)
			}
		}
	}
	return out, nil
}

// servedIn says what the server calls a kind in one version of its group.
func (c *Cluster) servedIn(ctx context.Context, kind schema.GroupKind, version string) (object.Resource, bool, error) {
	path := "/api/" + version
	if kind.Group != "" {
		path = fmt.Sprintf("/apis/%s/%s", kind.Group, version)
	}
	var list struct {
		Resources []struct {
			Name       string `json:"name"`
			Kind       string `json:"kind"`
			Namespaced bool   `json:"namespaced"`
		} `json:"resources"`
	}
	if err := c.getJSON(ctx, path, &list); err != nil {
		return object.Resource{}, false, err
	}
	for _, r := range list.Resources {
		if r.Kind == kind.Kind && !strings.Contains(r.Name, "/") {
			return object.Resource{Version: version, Plural: r.Name, Namespaced: r.Namespaced}, true, nil
		}
	}
	return object.Resource{}, false, nil
}

func (c *Cluster) noKind(op string, ref object.Ref) error {
	return &object.Error{
		Class: object.NotFound, Context: c.context, Op: op, Ref: ref, Err: object.ErrNoKind,
		Message: fmt.Sprintf("the server has no kind %s in group %q", ref.Kind, ref.Group),
	}
}
