// Package inject gives pods the sidecar by hand, as istioctl kube-inject does.
//
// [Read] reads from the clusters what decides about a sidecar: the template, its
// values and the mesh configuration of the control plane, and the path at which the
// cluster's webhook calls it. [New] makes of it the handler that istiod itself answers
// webhooks with, and [Injector.Into] has it inject the pods of a file. Nothing is
// written to a cluster, and no pod is sent to one.
//
// Istiod's own handler is used, and not the template alone, since it is what decides
// about a remote cluster: the path names the cluster and the network of the pod, and
// goes before the values of the control plane. It also looks at the aliases and default
// templates of the ConfigMap, and at ProxyConfigs.
// https://github.com/istio/istio/blob/release-1.31/pkg/kube/inject/webhook.go
package inject
