// Package legacy turns the spec of any Istio since 1.4 into one of today: tables say
// of each setting that today's Istio does not read what became of it, and
// [Translate] applies them. What it decides is told setting by setting, as
// [Decision]s at the lines that the settings come from.
//
// The tables follow Istio's own, which took operators from 1.4 to 1.5:
// https://github.com/istio/istio/blob/1.5.10/operator/data/translateConfig/translate-ICP-IOP-1.5.yaml
// and what today's charts say in their notes:
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/NOTES.txt
package legacy
