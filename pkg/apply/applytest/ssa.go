package applytest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Merger merges as an API server does, by the same code:
// https://kubernetes.io/docs/reference/using-api/server-side-apply/
// Kubernetes' own kinds have their schema; those of CRDs are merged map by map,
// and their lists are atomic. It remembers what it merged, so that many fleets
// with much the same objects are fast when they share one. It is safe for
// concurrent use.
type Merger struct {
	types managedfields.TypeConverter

	mu       sync.Mutex
	managers map[managed]*managedfields.FieldManager
	merges   map[uint64]merge
	seed     maphash.Seed
}

type managed struct {
	kind        schema.GroupVersionKind
	subresource string
}

// NewMerger makes a merger that remembers nothing yet.
func NewMerger() *Merger {
	return &Merger{
		types: schemas{
			builtin: applyconfigurations.NewTypeConverter(scheme.Scheme),
			deduced: managedfields.NewDeducedTypeConverter(),
		},
		managers: map[managed]*managedfields.FieldManager{},
		merges:   map[uint64]merge{},
		seed:     maphash.MakeSeed(),
	}
}

// manager returns what merges objects of a kind, or its subresource.
func (m *Merger) manager(kind schema.GroupVersionKind, subresource string) *managedfields.FieldManager {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := managed{kind, subresource}
	if f, ok := m.managers[key]; ok {
		return f
	}
	f, err := managedfields.NewDefaultFieldManager(m.types, versions{}, versions{}, versions{}, kind, kind.GroupVersion(), subresource, nil)
	if err != nil {
		panic("applytest: " + err.Error())
	}
	m.managers[key] = f
	return f
}

// apply merges patch into live, which may be nil. Neither is changed.
func (m *Merger) apply(live, patch Object, manager string, force bool) (Object, error) {
	kind := patch.GroupVersionKind()
	if live == nil {
		live, _ = versions{}.make(kind)
	}
	out, err := m.manager(kind, "").Apply(in(live, kind), patch, manager, force)
	if err != nil {
		return nil, err
	}
	return out.(Object), nil
}

// update notes that manager made next, which it may change, out of live.
func (m *Merger) update(live, next Object, manager, subresource string) Object {
	kind := next.GroupVersionKind()
	if live == nil {
		live, _ = versions{}.make(kind)
	}
	out, err := m.manager(kind, subresource).Update(in(live, kind), next, manager)
	if err != nil {
		panic("applytest: " + err.Error())
	}
	return out.(Object)
}

// solitary says whether only one controller ever writes an object.
func solitary(o Object) bool {
	switch o.GetKind() {
	case "Pod":
		return true
	case "EndpointSlice":
		return labelsOf(o)[labelSliceManager] == endpointsController
	case "ServiceAccount", "ConfigMap":
		return o.GetName() == "default" || o.GetName() == "kube-root-ca.crt"
	}
	return false
}

// stamp notes that manager wrote next's status, or all of a [solitary] object,
// without comparing what each field was.
func stamp(next Object, manager, subresource string, now time.Time) {
	owned := map[string]any{}
	for key := range next.Object {
		if key != "apiVersion" && key != "kind" && (subresource == "" || key == subresource) {
			owned["f:"+key] = map[string]any{}
		}
	}
	entry := map[string]any{
		"manager": manager, "operation": "Update", "apiVersion": next.GetAPIVersion(), "time": now.Format(time.RFC3339),
		"fieldsType": "FieldsV1", "fieldsV1": owned,
	}
	if subresource != "" {
		entry["subresource"] = subresource
	}
	entries := slices.DeleteFunc(slices.Clone(items(next, "metadata", "managedFields")), func(e any) bool {
		m, _ := e.(map[string]any)
		return m["manager"] == manager && str(m, "subresource") == subresource
	})
	set(next, append(entries, entry), "metadata", "managedFields")
}

// in is o in another version of its kind: they all look the same.
func in(o Object, kind schema.GroupVersionKind) Object {
	if version := kind.GroupVersion().String(); o.GetAPIVersion() != version {
		o = shallow(o)
		o.Object["apiVersion"] = version
	}
	return o
}

// schemas knows Kubernetes' own kinds, and takes others as they come.
type schemas struct{ builtin, deduced managedfields.TypeConverter }

func (t schemas) of(kind schema.GroupVersionKind) managedfields.TypeConverter {
	if builtin(kind.Group) && kind.Group != object.CrdRef.Group {
		return t.builtin
	}
	return t.deduced
}

func (t schemas) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	return t.of(o.GetObjectKind().GroupVersionKind()).ObjectToTyped(o, opts...)
}

func (t schemas) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	return t.deduced.TypedToObject(v)
}

// versions converts nothing, since all versions of a kind look the same, and
// sets defaults.
type versions struct{}

func (versions) Convert(_, _, _ any) error { return errors.ErrUnsupported }

func (versions) ConvertToVersion(o runtime.Object, to runtime.GroupVersioner) (runtime.Object, error) {
	kind, ok := to.KindForGroupVersionKinds([]schema.GroupVersionKind{o.GetObjectKind().GroupVersionKind()})
	if !ok {
		return nil, fmt.Errorf("no version %v", to)
	}
	return in(o.(Object), kind), nil
}

func (versions) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

func (versions) Default(o runtime.Object) { setDefaults(o.(Object)) }

func (v versions) New(kind schema.GroupVersionKind) (runtime.Object, error) { return v.make(kind) }

func (versions) make(kind schema.GroupVersionKind) (Object, error) {
	o := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{}}}
	o.SetGroupVersionKind(kind)
	return o, nil
}

// refused makes an error of the port out of one of the merger's.
func refused(err error, ref object.Ref) error {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	switch {
	case err == nil:
		return nil
	case ok && status.ErrStatus.Reason == metav1.StatusReasonConflict:
		conflict := conflictOf(status.ErrStatus.Details.Causes)
		return &object.Error{
			Class: object.Conflict, Ref: ref, Message: conflict.Error(), Err: conflict, Hint: "another tool manages these fields",
		}
	}
	return invalid(ref, err.Error(), schemaPaths(err.Error())...)
}

// unconditional is o without the preconditions that an apply may carry.
func unconditional(o Object) Object {
	if o.GetUID() == "" && o.GetResourceVersion() == "" {
		return o
	}
	next := shallow(o)
	meta := metadata(next)
	delete(meta, "uid")
	delete(meta, "resourceVersion")
	return next
}

// older says whether an object's resourceVersion is not the one that is wanted.
func older(live Object, wanted string) bool {
	return wanted != "" && strings.TrimSpace(wanted) != live.GetResourceVersion()
}

// generationOf counts the changes of what is wanted of an object; to Deployments,
// annotations are part of that.
func generationOf(before, after Object) int64 {
	n := before.GetGeneration()
	if before.GetKind() == "Deployment" && !same(at(before.Object, "metadata", "annotations"), at(after.Object, "metadata", "annotations")) {
		return n + 1
	}
	for _, o := range []Object{before, after} {
		for key := range o.Object {
			if key != "metadata" && key != "status" && key != "apiVersion" && !same(before.Object[key], after.Object[key]) {
				return n + 1
			}
		}
	}
	return n
}
