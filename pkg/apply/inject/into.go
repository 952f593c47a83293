package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Into returns a file of YAML or JSON documents with the pods of its workloads injected,
// and which workloads istiod leaves alone. All else is returned byte for byte, and so is a
// workload that has its sidecar already, just as it would get it now. Objects in a List
// count like those in documents of their own. name is what to call the file. All mistakes
// come together, as [topology.Problems].
func (i *Injector) Into(name string, file []byte) (out []byte, left topology.Problems, err error) {
	var mistakes topology.Problems
	for _, d := range split(name, file) {
		text, some, err := i.document(d)
		if ps, ok := errors.AsType[topology.Problems](err); ok {
			mistakes = append(mistakes, ps...)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if n := len(out); n > 0 && out[n-1] != '\n' {
			out = append(out, '\n')
		}
		out, left = append(out, text...), append(left, some...)
	}
	if err := mistakes.Err(); err != nil {
		return nil, nil, err
	}
	return out, left, nil
}

// document returns the text of d with its pods injected.
func (i *Injector) document(d document) (text []byte, left topology.Problems, err error) {
	if d.empty() {
		return d.text, nil, nil
	}
	o, err := d.parse()
	if err != nil {
		return nil, nil, err
	}
	injected := false
	for _, item := range items(o) {
		what, err := i.workload(item)
		if err != nil {
			return nil, nil, d.wrong(err)
		}
		if what.left != "" {
			left = append(left, d.problem(d.line, what.left)...)
		}
		injected = injected || what.changed
	}
	if !injected {
		return d.text, left, nil
	}
	text, err = d.encoded(o)
	return text, left, err
}

// items are the objects that o lists, or o itself.
func items(o map[string]any) []map[string]any {
	list, _ := o["items"].([]any)
	if o["kind"] != "List" {
		return []map[string]any{o}
	}
	var out []map[string]any
	for _, e := range list {
		if item, ok := e.(map[string]any); ok {
			out = append(out, item)
		}
	}
	return out
}

// An outcome is what became of an object.
type outcome struct {
	changed bool
	left    string // which workload istiod leaves alone and why, "" for none
}

// workload injects the pods of o, if it has any.
func (i *Injector) workload(o map[string]any) (outcome, error) {
	u := &unstructured.Unstructured{Object: o}
	template := templateOf(u)
	if template == nil {
		return outcome{}, nil
	}
	pod, err := podOf(template)
	if err != nil {
		return outcome{}, fmt.Errorf("read the pods of %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	owner := metav1.OwnerReference{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Name: u.GetName()}
	got, err := i.inject(pod, owner, u.GetNamespace())
	switch {
	case err != nil:
		return outcome{}, fmt.Errorf("inject the pods of %s %s: %w", u.GetKind(), u.GetName(), err)
	case got == nil:
		return outcome{left: fmt.Sprintf("%s %s stays as it is: %s", u.GetKind(), u.GetName(), why(pod))}, nil
	case equality.Semantic.DeepEqual(pod, got):
		return outcome{}, nil
	}
	if template["metadata"], err = plain(got.ObjectMeta); err == nil {
		template["spec"], err = plain(got.Spec)
	}
	return outcome{changed: true}, err
}

// templates are where workloads have their pods.
var templates = map[schema.GroupKind][]string{
	{Kind: "Pod"}:                                          {},
	{Kind: "ReplicationController"}:                        {"spec", "template"},
	{Group: "apps", Kind: "Deployment"}:                    {"spec", "template"},
	{Group: "apps", Kind: "DaemonSet"}:                     {"spec", "template"},
	{Group: "apps", Kind: "ReplicaSet"}:                    {"spec", "template"},
	{Group: "apps", Kind: "StatefulSet"}:                   {"spec", "template"},
	{Group: "apps.openshift.io", Kind: "DeploymentConfig"}: {"spec", "template"},
	{Group: "batch", Kind: "Job"}:                          {"spec", "template"},
	{Group: "batch", Kind: "CronJob"}:                      {"spec", "jobTemplate", "spec", "template"},
}

// templateOf is metadata and spec of the pods of u, nil where it has none.
func templateOf(u *unstructured.Unstructured) map[string]any {
	path, ok := templates[u.GroupVersionKind().GroupKind()]
	if !ok {
		return nil
	}
	at := u.Object
	for _, key := range path {
		at, _ = at[key].(map[string]any)
	}
	if at["spec"] == nil {
		return nil
	}
	return at
}

func podOf(template map[string]any) (*corev1.Pod, error) {
	b, err := json.Marshal(map[string]any{"metadata": template["metadata"], "spec": template["spec"]})
	if err != nil {
		return nil, err
	}
	pod := &corev1.Pod{}
	if err := json.Unmarshal(b, pod); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, fmt.Errorf("%s is of the wrong type", e.Field)
		}
		return nil, err
	}
	return pod, nil
}

// plain is v as JSON reads, without the fields that say nothing.
func plain(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out, err := decoded(b)
	if out["creationTimestamp"] == nil {
		delete(out, "creationTimestamp")
	}
	return out, err
}

// why is what istiod has against injecting pod.
// https://istio.io/latest/docs/ops/common-problems/injection/
func why(pod *corev1.Pod) string {
	const wish = "sidecar.istio.io/inject"
	switch asked := pod.Labels[wish]; {
	case pod.Spec.HostNetwork:
		return "its pods use the network of their host"
	case asked == "false", asked == "" && strings.EqualFold(pod.Annotations[wish], "false"):
		return wish + " is false"
	}
	return "the injector leaves out its namespace, or its labels (neverInjectSelector)"
}
