// Package verify calls a service from every cluster of a mesh and says who answered: it
// puts helloworld and a client into a namespace of its own in every cluster, has the
// clients call through their own proxies, or in an ambient mesh those of their nodes, and
// takes all of it out again.
//
//	pairs.go      which clusters should answer which, by the topology
//	objects.go    what is put into a cluster
//	place.go      putting it there, waiting for it, and taking it out
//	call.go       calling, and reading what was answered
//	proxy.go      what proxies say of the calls: addresses, mutual TLS, identities
//	ambient.go    the same of ztunnels, and what is global
//	report.go     what all of it means
package verify
