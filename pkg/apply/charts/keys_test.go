package charts

import (
	"slices"
	"testing"
)

// TestKeys: what a struct embeds is among its keys, so that a misspelt one gets a hint.
func TestKeys(t *testing.T) {
	tests := map[string]struct {
		path []string
		want string
	}{
		"a gateway's own key":             {[]string{"components", "ingressGateways"}, "label"},
		"a gateway's, as all components'": {[]string{"components", "ingressGateways"}, "enabled"},
		"below one of all components'":    {[]string{"components", "ingressGateways", "k8s"}, "replicaCount"},
		"a probe's":                       {[]string{"components", "pilot", "k8s", "readinessProbe"}, "httpGet"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := specKeys()
			for _, key := range tt.path {
				k = k.below(key)
			}
			if got := k.names(); !slices.Contains(got, tt.want) {
				t.Errorf("%s is not among %v", tt.want, got)
			}
		})
	}
}
