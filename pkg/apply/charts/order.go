package charts

import (
	"cmp"
	"slices"
	"strings"
)

// ranks is the order in which components are listed: what others need first.
var ranks = []string{"base", "pilot", "cni", "ztunnel", "ingressgateway", "egressgateway"}

func rank(component string) int {
	kind, _, _ := strings.Cut(component, ":")
	return slices.Index(ranks, kind)
}

func compare(a, b Object) int {
	return cmp.Or(
		cmp.Compare(rank(a.Component), rank(b.Component)),
		cmp.Compare(a.Component, b.Component),
		cmp.Compare(a.GetKind(), b.GetKind()),
		cmp.Compare(a.GetNamespace(), b.GetNamespace()),
		cmp.Compare(a.GetName(), b.GetName()),
		cmp.Compare(a.GetAPIVersion(), b.GetAPIVersion()),
	)
}
