package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// resource finds out what the API calls ref's kind, and in which version it is read
// and deleted. An unknown kind costs one or two requests the first time. A kind that
// the server does not serve is an error wrapping [object.ErrNoKind].
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
	return c.discover(ctx, op, ref, "")
}

// discover asks the server for ref's kind, in the version that only names or, if
// that is "", in the first, in the server's order, that has it.
//
// client-go's discovery is not used: it takes no context, and a proxy's "404" is an
// absent kind for it.
//
// A group that comes with its first CRD, or goes with its last, is listed for a
// moment while the server does not know it: the question is then asked again.
func (c *Cluster) discover(ctx context.Context, op string, ref object.Ref, only string) (r object.Resource, err error) {
	for n := 1; ; n++ {
		if r, err = c.lookUp(ctx, op, ref, only); !errors.Is(err, errNoPath) || n == discoveries {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, err
		case <-time.After(transport.Wait(n, 0)):
		}
	}
}

// discoveries are how often a kind is looked for while its group comes or goes.
const discoveries = 5

func (c *Cluster) lookUp(ctx context.Context, op string, ref object.Ref, only string) (object.Resource, error) {
	versions, err := c.versions(ctx, op, ref)
	if err != nil {
		return object.Resource{}, err
	}
	for _, version := range versions {
		if only != "" && only != version {
			continue
		}
		r, err := c.kind(ctx, ref, version)
		if err != nil {
			return object.Resource{}, err
		}
		if r.Plural != "" && only == "" {
			c.mu.Lock()
			c.served[ref.GroupKind()] = r
			c.mu.Unlock()
		}
		if r.Plural != "" {
			return r, nil
		}
	}
	return object.Resource{}, c.noKind(op, ref, only)
}

// versions are those of ref's group that the server has, the preferred one first.
// That there are none is asked for in a way that a proxy's "404" cannot be mistaken
// for it.
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
		} `json:"groups"`
	}
	if err := c.getJSON(ctx, "/apis", &groups); err != nil {
		return nil, err
	}
	if groups.Kind != "APIGroupList" {
		return nil, &object.Error{Class: object.ServerFault, Context: c.context, Op: op, Ref: ref, Message: "the server answered /apis with another document: not a Kubernetes API"}
	}
	var out []string
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			if g.Name == ref.Group {
				out = append(out, v.Version)
			}
		}
	}
	return out, nil
}

// kind is what a version of ref's group says of ref's kind: nothing, if it is not
// in it.
func (c *Cluster) kind(ctx context.Context, ref object.Ref, version string) (object.Resource, error) {
	path := "/api/" + version
	if ref.Group != "" {
		path = fmt.Sprintf("/apis/%s/%s", ref.Group, version)
	}
	var list struct {
		Resources []struct {
			Name       string `json:"name"`
			Kind       string `json:"kind"`
			Namespaced bool   `json:"namespaced"`
		} `json:"resources"`
	}
	if err := c.getJSON(ctx, path, &list); err != nil {
		return object.Resource{}, err
	}
	for _, r := range list.Resources {
		if r.Kind == ref.Kind && !strings.Contains(r.Name, "/") {
			return object.Resource{Version: version, Plural: r.Name, Namespaced: r.Namespaced}, nil
		}
	}
	return object.Resource{}, nil
}

func (c *Cluster) noKind(op string, ref object.Ref, version string) error {
	where := ""
	if gv := strings.Trim(ref.Group+"/"+version, "/"); gv != "" {
		where = " in " + gv
	}
	return &object.Error{
		Class: object.NotFound, Context: c.context, Op: op, Ref: ref, Err: object.ErrNoKind,
		Message: fmt.Sprintf("the server has no kind %s%s", ref.Kind, where),
	}
}
