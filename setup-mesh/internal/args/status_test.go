package args

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestStatus(t *testing.T) {
	plain := Status{Clusters: Clusters{Dir: ".", Format: Text}, Timeout: 2 * time.Minute}
	with := func(edit func(*Status)) Status { a := plain; edit(&a); return a }
	tests := map[string]struct {
		line          []string
		want          Status
		wantErr, hint string
	}{
		"nothing":     {want: plain},
		"a pair":      {line: []string{"--from", "a", "--to", "b", "-o", "yaml", "--wait"}, want: with(func(a *Status) { a.From, a.To, a.Wait, a.Format = "a", "b", true, YAML })},
		"for a judge": {line: []string{"--junit", "f.xml", "-o", "wide", "--timeout", "5m"}, want: with(func(a *Status) { a.JUnit, a.Format, a.Timeout = "f.xml", Wide, 5*time.Minute })},
		"a watch":     {line: []string{"--watch", "-o", "wide"}, want: with(func(a *Status) { a.Watch, a.Format = true, Wide })},

		"half a pair":           {line: []string{"--from", "a"}, wantErr: "--from needs --to: the cluster to be found", hint: "setup-mesh status --from a --to CLUSTER"},
		"the other half":        {line: []string{"--to", "b"}, wantErr: "--to needs --from: the cluster that is to find it", hint: "setup-mesh status --from CLUSTER --to b"},
		"wait and watch":        {line: []string{"--wait", "--watch"}, wantErr: "--wait and --watch exclude each other", hint: "--wait ends when all is healthy, --watch when it is interrupted"},
		"a report of a pair":    {line: []string{"--junit", "f", "--from", "a", "--to", "b"}, wantErr: "--junit is for one status of the whole mesh", hint: "leave out --watch, --from and --to"},
		"a watch for a program": {line: []string{"--watch", "-o", "json"}, wantErr: "--watch does not print json", hint: "--wait does, when all is healthy; or run status on a timer"},
		"an unknown format":     {line: []string{"-o", "xml"}, wantErr: `--output: unknown format "xml"`, hint: "use text, wide, json or yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got Status
			err := parse(t, got.Flags(), tt.line...)
			if err == nil {
				err = got.Check()
			}
			text, hint := "", ""
			if err != nil {
				text, hint = err.Error(), err.(*Error).Fix //nolint:errorlint // as it is returned
			}
			if text != tt.wantErr || hint != tt.hint {
				t.Fatalf("error %q, hint %q; want %q, hint %q", text, hint, tt.wantErr, tt.hint)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(got.NameServer)); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
