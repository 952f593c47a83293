package args

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func TestRevokeAccess(t *testing.T) {
	plain := RevokeAccess{Clusters: Clusters{Dir: ".", Format: Text}, Change: Change{Timeout: 10 * time.Minute, Parallelism: 24}}
	with := func(edit func(*RevokeAccess)) RevokeAccess { a := plain; edit(&a); return a }
	tests := map[string]struct {
		line             []string
		want             RevokeAccess
		wantErr, wantFix string
	}{
		"a cluster":              {line: []string{"east"}, want: with(func(a *RevokeAccess) { a.Consumer = "east" })},
		"from one, unasked":      {line: []string{"--from", "west", "-y", "east"}, want: with(func(a *RevokeAccess) { a.Consumer, a.From, a.Yes = "east", "west", true })},
		"nobody":                 {wantErr: "the name of a cluster is missing: the one whose tokens are to end", wantFix: "app verb CLUSTER"},
		"two":                    {line: []string{"east", "west"}, wantErr: `app verb takes the name of one cluster: "west"`, wantFix: "run it for each"},
		"a flag after the name":  {line: []string{"east", "--yes"}, wantErr: `app verb takes flags before the name of the cluster: "--yes"`, wantFix: "app verb --yes east"},
		"flags around the name":  {line: []string{"--yes", "east", "--from", "west"}, wantErr: `app verb takes flags before the name of the cluster: "--from"`, wantFix: "app verb ... --from west east"},
		"a flag with no name":    {line: []string{"--yes"}, wantErr: "the name of a cluster is missing: the one whose tokens are to end", wantFix: "app verb CLUSTER"},
		"a flag that is unknown": {line: []string{"--forever", "east"}, wantErr: "flag provided but not defined: -forever"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got RevokeAccess
			app := &cli.App{Name: "app", ExitErrHandler: func(*cli.Context, error) {}, Commands: []*cli.Command{{
				Name: "verb", ArgsUsage: "CLUSTER", Flags: got.Flags(), Before: got.Fill, Action: func(*cli.Context) error { return nil },
				OnUsageError: func(_ *cli.Context, err error, _ bool) error { return err },
			}}}
			err := app.RunContext(t.Context(), append([]string{"app", "verb"}, tt.line...))
			if err == nil {
				if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b Clusters) bool { return a == b })); tt.wantErr != "" || diff != "" {
					t.Errorf("no error, want %q (-want +got):\n%s", tt.wantErr, diff)
				}
				return
			}
			fix := ""
			if e, ok := err.(*Error); ok { //nolint:errorlint // ours, not one that is wrapped
				fix = e.Fix
			}
			if err.Error() != tt.wantErr || fix != tt.wantFix {
				t.Errorf("error %q, fix %q; want %q, %q", err, fix, tt.wantErr, tt.wantFix)
			}
		})
	}
}
