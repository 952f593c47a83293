package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/rbac"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// unreadable is why l was not read whole, nil if it was. Nothing is done in a
// cluster of which a part is unknown. Missing permissions are named together.
func unreadable(ctx context.Context, l *world.Connected) error {
	var refs []object.Ref
	for _, ref := range slices.SortedFunc(maps.Keys(l.Objects), object.CompareRefs) { // the same error each time
		switch err := l.Objects[ref].Err; {
		case err == nil:
		case object.ClassOf(err) == object.Forbidden:
			refs = append(refs, ref)
		default:
			return err
		}
	}
	if len(refs) == 0 {
		return nil
	}
	return forbiddenKinds(ctx, l, refs)
}

// forbiddenKinds says that the user may not read the kinds of refs.
func forbiddenKinds(ctx context.Context, l *world.Connected, refs []object.Ref) error {
	kinds := map[string]bool{}
	for _, r := range refs {
		kinds[r.Kind] = true
	}
	return forbiddenReading(ctx, l, &object.Error{
		Class: object.Forbidden, Context: l.Context, Op: "read all objects",
		Message: "the user of the context may not read " + strings.Join(object.SortedKeys(kinds), ", "),
	}, refs)
}

// unconnected is why it is not known which cluster l is, or what it remembers.
// A user without that permission most likely lacks it for the rest too.
func unconnected(ctx context.Context, l *world.Connected, err error, wanted []*desired.Item) error {
	e, ok := errors.AsType[*object.Error](err)
	if !ok || e.Class != object.Forbidden {
		return err
	}
	refs := []object.Ref{kubeSystemRef, object.NamespaceRef(l.Namespace), record.Ref(l.Namespace)}
	for _, it := range wanted {
		refs = append(refs, it.Ref)
	}
	return forbiddenReading(ctx, l, e, refs)
}

// forbiddenReading adds to err what lets the user read refs.
func forbiddenReading(ctx context.Context, l *world.Connected, err *object.Error, refs []object.Ref) error {
	user, userErr := l.Cluster.User(ctx)
	out := *err
	out.Hint = "that user needs get and list on all that is to be read: " + rbac.GrantIt
	if userErr != nil {
		out.Hint += ", and bind the roles to that user"
	}
	var missing []object.Access
	for _, r := range refs {
		missing = append(missing, object.AccessTo("get", r), object.AccessTo("list", r))
	}
	out.Detail = rbac.Grant(user, l.RolesNamespace(), missing)
	return &out
}
