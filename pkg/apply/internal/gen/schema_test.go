package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	ours "github.com/setup-mesh/setup-mesh/pkg/jsonschema"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestBaseSchemaTakesWhatSetupMeshTakes holds the schema to the cases of base.yaml
// whose expectation says that they are accepted.
func TestBaseSchemaTakesWhatSetupMeshTakes(t *testing.T) {
	s, accepted := compile(t), 0
	files, err := filepath.Glob("../../testdata/base-cases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		expect, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(expect), "accepted") {
			continue
		}
		if filepath.Base(file) == "39-names-with-underscores.yaml" {
			continue // an editor knows one name of each field, and marks the other
		}
		accepted++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(decode(t, data)); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	if accepted < 10 {
		t.Errorf("%d cases are accepted: does the test look in the right place?", accepted)
	}
}

func TestBaseSchema(t *testing.T) {
	tests := map[string]struct {
		spec string
		want bool
	}{
		"nothing":                          {"{}", true},
		"a value of today":                 {"{values: {pilot: {traceSampling: 10}}}", true},
		"a misspelt value":                 {"{values: {pilot: {traceSamplng: 10}}}", false},
		"a misspelt key of the spec":       {"{valeus: {}}", false},
		"a misspelt key of meshConfig":     {"{meshConfig: {acessLogFile: /dev/stdout}}", false},
		"a misspelt key below values'":     {"{values: {meshConfig: {acessLogFile: /dev/stdout}}}", false},
		"a misspelt component":             {"{components: {pilto: {}}}", false},
		"a misspelt key of a gateway":      {"{components: {ingressGateways: [{name: g, enabeld: true}]}}", false},
		"a misspelt key of Kubernetes'":    {"{components: {pilot: {k8s: {resources: {request: {}}}}}}", false},
		"text for a switch":                {"{values: {global: {externalIstiod: maybe}}}", false},
		"an unknown value of an enum":      {"{meshConfig: {accessLogEncoding: XML}}", false},
		"a known value of an enum":         {"{meshConfig: {accessLogEncoding: JSON}}", true},
		"a block that is commented out":    {"{values: {pilot: null}, components: null}", true},
		"a number in quotes":               {"{values: {pilot: {traceSampling: '1.5'}}}", true},
		"a quantity without a unit":        {"{components: {pilot: {k8s: {resources: {requests: {cpu: 1}}}}}}", true},
		"mutual TLS of Istio 1.4":          {"{values: {global: {mtls: {enabled: true, auto: false}}}}", true},
		"what Istio 1.4 had no key for":    {"{values: {global: {mtls: {enabeld: true}}}}", false},
		"a feature block of Istio 1.4":     {"{trafficManagement: {enabled: true, components: {pilot: {k8s: {replicaCount: 2}}}}}", true},
		"a misspelt key of such a block":   {"{trafficManagement: {enabeld: true}}", false},
		"a switch of a gateway":            {"{values: {gateways: {istio-ingressgateway: {enabled: false, sds: {enabled: true}}}}}", true},
		"environment of proxies in 1.4":    {"{values: {global: {proxy: {env: {A: b}}}}}", true},
		"metrics of autoscaling/v2beta1":   {"{components: {pilot: {k8s: {hpaSpec: {metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 80}}]}}}}}", true},
		"what is not looked at by anybody": {"{unvalidatedValues: {a: {b: c}}}", true},
	}
	s := compile(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := s.Validate(decode(t, []byte("{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, spec: "+tt.spec+"}")))
			if got := err == nil; got != tt.want {
				t.Errorf("the schema accepts it: %v, want %v\n%v", got, tt.want, err)
			}
		})
	}
}

// TestBaseSchemaAcceptsTheTemplate: an editor marks nothing in what prep writes.
func TestBaseSchemaAcceptsTheTemplate(t *testing.T) {
	if err := compile(t).Validate(decode(t, manifest.Template())); err != nil {
		t.Error(err)
	}
}

// TestBaseSchemaMarksOtherTimes: whatever the tables know is deprecated, and says why.
func TestBaseSchemaMarksOtherTimes(t *testing.T) {
	data, err := baseSchema()
	if err != nil {
		t.Fatal(err)
	}
	var s *ours.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	for _, r := range legacy.Rows() {
		for _, path := range r.Paths {
			path = strings.ReplaceAll(path, "*", "some")
			path = strings.ReplaceAll(path, "values.gateways.some", "values.gateways.istio-ingressgateway")
			p, err := s.Find("spec." + path)
			if err != nil {
				t.Error(err)
				continue
			}
			if !p.Schema.Deprecated || !strings.HasPrefix(p.Schema.Description, "Of another time. ") {
				t.Errorf("%s is not marked: %q", path, p.Schema.Description)
			}
		}
	}
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := baseSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("base.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("base.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
