package observe

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseClusterz(t *testing.T) {
	tests := map[string]struct {
		in   string
		want map[string]string
		self string
		bad  bool
	}{
		"as istiod writes it": {
			in:   `[{"id":"east","secretName":"","syncStatus":"synced"},{"id":"west","secretName":"istio-system/istio-remote-secret-west","syncStatus":"timeout"}]`,
			want: map[string]string{"east": "synced", "west": "timeout"},
			self: "east",
		},
		"none":         {in: `[]`, want: map[string]string{}},
		"null":         {in: `null`, want: map[string]string{}},
		"a page":       {in: "<html>", bad: true},
		"an object":    {in: `{"id":"east"}`, bad: true},
		"a wrong type": {in: `[{"id":1}]`, bad: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseClusterz([]byte(tt.in))
			if (err != nil) != tt.bad {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(tt.want, got.states); diff != "" || got.self != tt.self {
				t.Errorf("%q, clusters (-want +got):\n%s", got.self, diff)
			}
		})
	}
}

func FuzzParseClusterz(f *testing.F) {
	f.Add([]byte(`[{"id":"east","syncStatus":"synced"},{"id":"west","syncStatus":"timeout"}]`))
	f.Add([]byte(`[null,{}]`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := parseClusterz(in)
		if (got.states == nil) == (err == nil) {
			t.Errorf("clusters %v, error %v", got, err)
		}
	})
}

func TestUndiscovered(t *testing.T) {
	view := func(pod string, states ...string) IstiodView {
		v := IstiodView{Pod: pod, Clusters: map[string]string{"self": Synced}}
		for i := 0; i < len(states); i += 2 {
			v.Clusters[states[i]] = states[i+1]
		}
		return v
	}
	tests := map[string]struct {
		views []IstiodView
		want  map[string]string
	}{
		"all is well":                   {[]IstiodView{view("p1", "b", Synced, "c", Synced)}, map[string]string{}},
		"no istiod":                     {nil, map[string]string{"b": "no istiod runs", "c": "no istiod runs"}},
		"one is not known":              {[]IstiodView{view("p1", "b", Synced)}, map[string]string{"c": "not known to p1"}},
		"one is not read":               {[]IstiodView{view("p1", "b", "syncing", "c", Synced)}, map[string]string{"b": "syncing in p1"}},
		"one of two istiods lags":       {[]IstiodView{view("p1", "b", Synced, "c", Synced), view("p2", "b", Synced)}, map[string]string{"c": "not known to p2"}},
		"a former member is read":       {[]IstiodView{view("p1", "b", Synced, "c", Synced, "old", Synced)}, map[string]string{"old": "still known to p1"}},
		"one that is allowed is read":   {[]IstiodView{view("p1", "b", Synced, "c", Synced, "down", "timeout")}, map[string]string{}},
		"an istiod that did not answer": {[]IstiodView{view("p1", "b", Synced, "c", Synced), {Pod: "p2", Err: errors.New("EOF")}}, map[string]string{"b": "EOF", "c": "EOF"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Undiscovered("self", []string{"b", "c"}, []string{"b", "c", "down"}, tt.views)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("undiscovered (-want +got):\n%s", diff)
			}
		})
	}
}
