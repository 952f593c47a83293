package observe

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestChooseProxies(t *testing.T) {
	sidecar := func(names ...string) IstiodView {
		var v IstiodView
		for _, name := range names {
			v.Proxies = append(v.Proxies, Proxy{Name: name, Cluster: "east", Type: "sidecar"})
		}
		return v
	}
	var many, statefulSet []string
	for i := range 10 {
		many = append(many, fmt.Sprintf("w%d-7b9c-abcde.shop", i))
		statefulSet = append(statefulSet, fmt.Sprintf("db-%d.shop", i))
	}
	tests := map[string]struct {
		views []IstiodView
		want  []string
		of    int
	}{
		"none": {},
		"one of a ReplicaSet, and one of the next": {[]IstiodView{sidecar("a-1-x.shop", "a-1-y.shop", "a-2-x.shop")}, []string{"a-1-x.shop", "a-2-x.shop"}, 3},
		"one of a StatefulSet":                     {[]IstiodView{sidecar(statefulSet...)}, []string{"db-0.shop"}, 10},
		"one name in two namespaces":               {[]IstiodView{sidecar("a-x.one", "a-x.two")}, []string{"a-x.one", "a-x.two"}, 2},
		"some of many, from all of them":           {[]IstiodView{sidecar(many...)}, []string{"w0-7b9c-abcde.shop", "w3-7b9c-abcde.shop", "w6-7b9c-abcde.shop"}, 10},
		"a proxy that two istiods know":            {[]IstiodView{sidecar("a.shop"), sidecar("a.shop")}, []string{"a.shop"}, 1},
		"not other clusters', and not who is no proxy": {
			[]IstiodView{{Proxies: []Proxy{{Name: "a.shop", Cluster: "west", Type: "sidecar"}, {Name: "agent-x.shop", Cluster: "east", Type: "agent"}, {Name: "ztunnel-x.kube-system", Cluster: "east", Type: "ztunnel"},
				{Name: "ztunnel-y.kube-system", Cluster: "east", Type: "ztunnel"}, {Name: "gateway-1-x.istio-system", Cluster: "east", Type: "router"}}}},
			[]string{"gateway-1-x.istio-system", "ztunnel-x.kube-system"}, 3,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, of := chooseProxies("east", tt.views, 3)
			if diff := cmp.Diff(tt.want, got); diff != "" || of != tt.of {
				t.Errorf("of %d, want %d; chosen (-want +got):\n%s", of, tt.of, diff)
			}
		})
	}
}

func TestPodOf(t *testing.T) {
	for name, want := range map[string]object.Ref{
		"a-x.shop":   {Kind: "Pod", Namespace: "shop", Name: "a-x"},
		"a.b.c.shop": {Kind: "Pod", Namespace: "shop", Name: "a.b.c"},
		"shop":       {Kind: "Pod", Namespace: "shop"},
	} {
		if got := podOf(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
