// Package manifest says how to install Istio on one cluster: it reads
// base.yaml, puts the cluster's overlay over it, and over both the values that the
// topology decides. The result is one [Manifest] per cluster, and every value in it
// knows the line that it comes from.
//
// Like package topology, it is pure: it reads no file and contacts no cluster.
package manifest
