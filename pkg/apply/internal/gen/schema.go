package main

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// baseSchema is docs/base.schema.json: what the charts take, what topology.yaml decides
// of it, and what setup-mesh still takes of other times.
func baseSchema() ([]byte, error) {
	meanings, err := comments()
	if err != nil {
		return nil, err
	}
	spec, err := charts.Schema(func(typeName, key string) string { return meanings[typeName+"."+key] })
	if err != nil {
		return nil, err
	}
	editors(spec)
	a := annotator{spec: spec, made: map[*jsonschema.Schema]bool{}}
	for _, r := range legacy.Rows() {
		a.settings(r)
	}
	for _, o := range manifest.Ownership() {
		a.owned(o)
	}
	a.close()
	text := func() *jsonschema.Schema { return &jsonschema.Schema{Type: jsonschema.Types{"string", "null"}} }
	words := &jsonschema.Schema{Type: jsonschema.Types{"object", "null"}, Rest: &jsonschema.Rest{Schema: &jsonschema.Schema{}}}
	metadata := &jsonschema.Schema{Type: jsonschema.Types{"object", "null"}, Description: "Names are setup-mesh's; labels and annotations stay."}
	metadata.Properties = jsonschema.Properties{{Name: "name", Schema: text()}, {Name: "namespace", Schema: text()}, {Name: "labels", Schema: words}, {Name: "annotations", Schema: words}}
	say(metadata.Properties.Get("namespace"), "Set by topology.yaml: contexts.NAME.namespace.")
	metadata.Properties.Get("namespace").ReadOnly = true
	out := &jsonschema.Schema{
		Version: "https://json-schema.org/draft/2020-12/schema", Title: "base.yaml",
		Comment:     "Generated from pkg/apply/internal/gen. Descriptions of Istio's settings are Istio's: Copyright Istio Authors, Apache License 2.0.",
		Description: "How Istio is installed on every cluster of the mesh: an IstioControlPlane or an IstioOperator.",
		Type:        jsonschema.Types{"object"}, Required: []string{"apiVersion", "kind"}, Rest: &jsonschema.Rest{},
		Properties: jsonschema.Properties{
			{Name: "apiVersion", Schema: &jsonschema.Schema{Enum: []any{manifest.VersionControlPlane, manifest.VersionOperator}, Description: manifest.VersionControlPlane + " of an IstioControlPlane, " + manifest.VersionOperator + " of an IstioOperator."}},
			{Name: "kind", Schema: &jsonschema.Schema{Enum: []any{manifest.KindControlPlane, manifest.KindOperator}, Description: "Both kinds have the same spec."}},
			{Name: "metadata", Schema: metadata},
			{Name: "spec", Schema: spec},
			{Name: "status", Schema: &jsonschema.Schema{Description: "Of a file from a server. It is passed over."}},
		},
		Defs: spec.Defs,
	}
	spec.Defs = nil
	return out.Encode()
}

// editors adjusts what the charts' Go types say to what a file may hold.
func editors(spec *jsonschema.Schema) {
	spec.Description = "How Istio is installed."
	for _, key := range []string{"hub", "namespace", "revision", "compatibilityVersion"} {
		spec.Properties.Get(key).Type = jsonschema.Types{"string", "number", "null"} // text however it looks
	}
	// Metrics of autoscaling/v2beta1 are put into today's form.
	spec.Defs["HorizontalPodAutoscalerSpec"].Properties.Set("metrics", &jsonschema.Schema{Type: jsonschema.Types{"array", "null"}})
}
