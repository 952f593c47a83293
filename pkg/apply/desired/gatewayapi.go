package desired

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// GatewayAPIVersion is the release of the Gateway API that the embedded CRDs are of: the
// one that Istio was built with.
const GatewayAPIVersion = "v1.6.0"

// The annotations by which a CRD of the Gateway API says what it is:
// https://gateway-api.sigs.k8s.io/guides/crd-management/
const (
	AnnotationBundle  = "gateway.networking.k8s.io/bundle-version"
	AnnotationChannel = "gateway.networking.k8s.io/channel"
)

// gatewayAPI are copies of the files in config/crd/standard of sigs.k8s.io/gateway-api.
//
//go:embed gatewayapi
var gatewayAPI embed.FS

// GatewayAPICRDs are those of Gateways and GatewayClasses, which ambient mode needs. They
// are decoded once: do not change them.
var GatewayAPICRDs = sync.OnceValues(func() ([]*unstructured.Unstructured, error) {
	files, err := fs.Glob(gatewayAPI, "gatewayapi/*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, f := range files {
		data, err := gatewayAPI.ReadFile(f)
		if err != nil {
			return nil, err
		}
		o := &unstructured.Unstructured{}
		j, err := yaml.YAMLToJSON(data)
		if err == nil {
			err = o.UnmarshalJSON(j)
		}
		if err != nil {
			return nil, fmt.Errorf("read the embedded %s: %w", f, err)
		}
		out = append(out, o)
	}
	return out, nil
})

// KeepsBundle says who has a CRD of the Gateway API as it is, where that is not to be
// changed; "" where it is. All users of the API in a cluster share its CRDs: they are
// never taken over, never lowered, and never moved to another channel.
func KeepsBundle(want, live *unstructured.Unstructured) string {
	by := strings.Join(object.Managers(live), ", ")
	if !object.Ours(live) {
		return object.Strangers(object.RefOf(live), live)
	}
	have, mine := live.GetAnnotations(), want.GetAnnotations()
	if have[AnnotationChannel] != mine[AnnotationChannel] || newer(have[AnnotationBundle], mine[AnnotationBundle]) {
		return by
	}
	return ""
}

// newer says whether a release is a later one than other. What is not a release is not.
func newer(release, other string) bool {
	a, err := version.ParseSemantic(release)
	b, err2 := version.ParseSemantic(other)
	return err == nil && err2 == nil && a.GreaterThan(b)
}
