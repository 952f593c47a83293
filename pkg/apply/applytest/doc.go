// Package applytest holds clusters in memory, behind the ports [object.Cluster]
// and [object.Opener]. What plans and applies is tested on it, thousands of
// histories a minute, and what is right on it has to be right on an API server:
// server-side apply is Kubernetes' own code, and one table of tests
// (conformance_test.go) runs here and against a real API server.
//
//	fleet := applytest.New(seed)
//	east := fleet.Add("east")            // also a kubeconfig context of that name
//	run, ctx := fleet.Run(ctx)           // one process of setup-mesh: an object.Opener
//	cluster, err := run.Open("east")
//
// # Who is who
//
// A [Fleet] is the world: clusters, the contexts that lead to them, the load
// balancers' addresses. A [Run] is one process that works on it, and can be
// killed or suspended. A [Cluster] is the test's own hand on a cluster, which no
// fault hits: [Cluster.As] makes changes in the name of another manager, and
// [Cluster.Set] changes how the cluster behaves. A [World] is what an invariant
// looks at: see [Fleet.OnWrite] and [Fleet.Look].
//
// # What runs in a cluster
//
// Actors do what controllers would: namespaces end with their contents,
// dependents go with their owners, Deployments get pods, Services get
// EndpointSlices and addresses, CRDs are established, and an istiod reads remote
// secrets, writes root certificates and fills in webhooks. They act when the
// store changes, after the delays in [Settings], all in one order that depends on
// nothing but what happened before.
//
// # Time
//
// All time is package time's, so that everything runs in a bubble of
// testing/synctest. No goroutine runs but that of a held lock, which ends when
// it is released or lost, or its run is killed. Call [Fleet.Close] at the end.
//
// # Speed
//
// Thousands of histories share one [Merger], which remembers what it merged:
//
//	merger := applytest.NewMerger()
//	fleet := merger.Fleet(seed)
//
// # Istiod
//
// Every pod labelled app=istiod is one. Its environment says the cluster's ID
// (CLUSTER_ID), that it leads in no other cluster (EXTERNAL_ISTIOD=false), and that
// it takes a grown or shrunk bundle of roots without a restart
// (ISTIO_MULTIROOT_MESH=true). A remote secret's account needs a ClusterRole that
// lists services, or its token is of no use.
//
// Where several lead in one cluster, one of them writes there.
//
// One of an ambient mesh (AMBIENT_ENABLE_MULTI_NETWORK=true) makes GatewayClasses, and a
// Deployment and a Service of each Gateway of class istio-east-west in its cluster. It says
// where that is reached: at the ClusterIP while the load balancer is pending.
//
// # Proxies
//
// A pod that was injected has a proxy as soon as it runs. The istiod that serves its
// cluster signs for it and tells it what to trust: of its own cluster, or of a primary that
// leads there. That is so when it starts, in half a day, and whenever that istiod has other
// roots ([Delays].Push); without an istiod it keeps what it has. It shows that on Envoy's
// port (15000), and istiods list it in debug/syncz. There is no leaf, and nothing is ever
// too old. See [World.Proxies] and [Fleet.OnIdentity].
//
// # What it does not do
//
// No structural schemas of CRDs, no quotas, no admission policies, no watches that
// miss changes; Deployments have no ReplicaSets; validation is a handful of rules.
package applytest
