package complete

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func commands() []*cli.Command {
	return []*cli.Command{
		{Name: "plan", Aliases: []string{"preview"}, Usage: "show it", Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", EnvVars: []string{"WORKDIR"}, Value: ".", Usage: "work `DIRECTORY` with files"},
			&cli.StringFlag{Name: "kubeconfig", Usage: "kubeconfig `FILE`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT` of the answer: text, wide or json"},
			&cli.StringFlag{Name: "context", Usage: "a `CONTEXT`"},
			&cli.StringSliceFlag{Name: "forget", Usage: "drop a `CLUSTER`"},
			&cli.DurationFlag{Name: "timeout", Usage: "give up after `TIME`"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"},
		}},
		{Name: "explain", ArgsUsage: "[PATH]"},
		{Name: "completion", ArgsUsage: "SHELL"},
		{Name: "certs", Subcommands: []*cli.Command{
			{Name: "renew", Flags: []cli.Flag{&cli.StringFlag{Name: "of", Usage: "of `CLUSTER`"}}},
			{Name: "end", ArgsUsage: "CLUSTER", Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "`DIRECTORY`"}}},
		}},
		{Name: "__complete", Hidden: true},
	}
}

func TestWords(t *testing.T) {
	from := Sources{
		Getenv:   func(name string) string { return map[string]string{"WORKDIR": "fromenv"}[name] },
		Contexts: func(file string) []string { return []string{"arn:aws:eks:" + file, "kind-east", "evil\x1b[2J"} },
		Clusters: func(dir string) []string { return []string{"east-" + dir, "west-" + dir} },
	}
	const all = "--dir --kubeconfig --output --context --forget --timeout --yes --help"
	tests := map[string]struct{ line, want string }{
		"nothing":                           {"", "plan explain completion certs"},
		"a command":                         {"pl", "plan"},
		"a hidden command":                  {"__", ""},
		"flags without a command":           {"--v", "--version"},
		"no such command":                   {"paln ", ""},
		"flags":                             {"plan ", all},
		"flags of an alias":                 {"preview --fo", "--forget"},
		"a flag that was given":             {"plan --yes -o json --", "--dir --kubeconfig --context --forget --timeout --help"},
		"a flag that may be given again":    {"plan --forget x --fo", "--forget"},
		"clusters":                          {"plan --forget ", "east-fromenv west-fromenv"},
		"clusters of a directory":           {"plan --dir d --forget w", "west-d"},
		"clusters of a directory, assigned": {"plan --dir=d --forget=w", "--forget=west-d"},
		"contexts, those that can be shown": {"plan --context ", "arn:aws:eks: kind-east"},
		"contexts of a file":                {"plan --kubeconfig f --context arn", "arn:aws:eks:f"},
		"formats":                           {"plan -o ", "text wide json"},
		"a format":                          {"plan --output j", "json"},
		"files":                             {"plan --kubeconfig some/", ":files"},
		"files, assigned":                   {"plan --kubeconfig=some/", ":files"},
		"directories":                       {"plan --dir ", ":directories"},
		"what nobody knows":                 {"plan --timeout ", ""},
		"the value of no flag":              {"plan --nothing=", ""},
		"an argument that looks like none":  {"explain ", ""},
		"a shell":                           {"completion z", "zsh"},
		"commands below one":                {"certs ", "renew end"},
		"one of those":                      {"certs e", "end"},
		"no such command below one":         {"certs x ", ""},
		"the flags of a command above":      {"certs -", "--help"},
		"flags of a command below":          {"certs renew ", "--of --help"},
		"their values":                      {"certs renew --of w", "west-"},
		"a cluster as an argument":          {"certs end --dir d e", "east-d"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range Words(commands(), strings.Split(tt.line, " "), from) {
				got = append(got, c.Word)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
