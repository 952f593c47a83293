// Package spec judges the spec of an IstioControlPlane, base.yaml's or a cluster's
// overlay in topology.yaml: its outer keys, and what setup-mesh cannot honour.
// What is below meshConfig, values and the components is judged by the charts.
package spec
