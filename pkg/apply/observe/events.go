package observe

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// LastEvent is the message of the newest event about ref, "" where there is none, or
// none can be had.
func LastEvent(ctx context.Context, l *world.Connected, ref object.Ref) string {
	events, err := l.Cluster.List(ctx, schema.GroupKind{Kind: "Event"}, ref.Namespace, "")
	if err != nil {
		return ""
	}
	return lastMessage(events, ref)
}

// lastMessage is that of the newest of events about ref.
func lastMessage(events []*unstructured.Unstructured, ref object.Ref) string {
	newest, message := "", ""
	for _, e := range events {
		kind, _, _ := unstructured.NestedString(e.Object, "involvedObject", "kind")
		name, _, _ := unstructured.NestedString(e.Object, "involvedObject", "name")
		at, _, _ := unstructured.NestedString(e.Object, "lastTimestamp")
		if kind == ref.Kind && name == ref.Name && at >= newest {
			newest = at
			message, _, _ = unstructured.NestedString(e.Object, "message")
		}
	}
	return message
}
