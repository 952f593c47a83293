package args

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"
)

// parse runs a command line that has the given flags.
func parse(t *testing.T, flags []cli.Flag, line ...string) error {
	t.Helper()
	app := &cli.App{Name: "verb", Flags: flags, Action: func(*cli.Context) error { return nil }, ExitErrHandler: func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true, OnUsageError: func(_ *cli.Context, err error, _ bool) error { return err }}
	return app.RunContext(t.Context(), append([]string{"verb"}, line...))
}

func TestApply(t *testing.T) {
	plain := Apply{Clusters: Clusters{Dir: ".", Format: Text}, Change: Change{Timeout: 10 * time.Minute, Parallelism: 24}}
	with := func(edit func(*Apply)) Apply { a := plain; edit(&a); return a }
	tests := map[string]struct {
		line    []string
		env     [2]string
		want    Apply
		wantErr string
	}{
		"nothing": {want: plain},
		"everything": {
			line: []string{"--dir", "d", "--kubeconfig", "k", "-o", "json", "--allow-loopback", "--accept-new-cluster", "--dns-server", "10.0.0.2", "--forget", "a,b", "--forget", "c",
				"--crds", "--adopt", "--allow-overlap", "--timeout", "1m", "--parallelism", "3", "-y", "--show", "objects", "--plan", "p", "--sign-command", "sign --key k", "--passphrase-fd", "3"},
			want: Apply{
				Clusters{Dir: "d", Kubeconfig: "k", Format: JSON, AllowLoopback: true, AcceptNew: true, NameServer: netip.MustParseAddrPort("10.0.0.2:53")},
				Leaving{Forget: []string{"a,b", "c"}, CRDs: true}, Joining{Adopt: true, AllowOverlap: true}, Signing{Command: "sign --key k"}, Opening{PassphraseFD: "3"},
				Change{Timeout: time.Minute, Parallelism: 3, Yes: true, Objects: true}, "p",
			},
		},
		"a directory from the environment": {env: [2]string{"WORKDIR", "w"}, want: with(func(a *Apply) { a.Dir = "w" })},
		"a flag wins":                      {env: [2]string{"WORKDIR", "w"}, line: []string{"--dir", "d"}, want: with(func(a *Apply) { a.Dir = "d" })},
		"an unknown format":                {line: []string{"-o", "yaml"}, wantErr: `--output: unknown format "yaml"`},
		"an unknown thing to show":         {line: []string{"--show", "all"}, wantErr: `--show: unknown value "all"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.env[0] != "" {
				t.Setenv(tt.env[0], tt.env[1])
			}
			var got Apply
			err := parse(t, got.Flags(), tt.line...)
			if err != nil || tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Errorf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.IgnoreUnexported(Opening{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNameServer(t *testing.T) {
	tests := map[string]struct{ server, want, wantErr string }{
		"none":                    {"", "invalid AddrPort", ""},
		"an address":              {"127.0.0.1", "127.0.0.1:53", ""},
		"with a port":             {"127.0.0.1:5353", "127.0.0.1:5353", ""},
		"an IPv6 address":         {"::1", "[::1]:53", ""},
		"with a port too":         {"[::1]:5353", "[::1]:5353", ""},
		"a name":                  {"dns.example.com", "", `--dns-server: "dns.example.com" is not an IP address`},
		"a name with a port":      {"dns.example.com:53", "", `--dns-server: "dns.example.com:53" is not an IP address`},
		"a port that is too high": {"127.0.0.1:65536", "", `--dns-server: "127.0.0.1:65536" is not an IP address`},
		"two":                     {"127.0.0.1,127.0.0.2", "", `--dns-server: "127.0.0.1,127.0.0.2" is not an IP address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := nameServer(tt.server)
			if err != nil || tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Errorf("error %v, want %q", err, tt.wantErr)
				}
				return
			}
			if got.String() != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
