package workdir

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ignoreRules is the .gitignore that prep writes: topology.yaml, base.yaml and the
// root's certificate belong under version control, private keys do not.
const ignoreRules = `# Private keys stay out of version control, and so do temporary files.
/certs/*key*.pem
.setup-mesh-*.tmp
`

// ignoring are the lines of a .gitignore that cover the root key, as far as that
// can be told without git's own matching.
var ignoring = []string{"*", "*.pem", "*.key.pem", "*key*.pem", "*-key.pem", "root-key.pem",
	"certs", "certs/", "certs/*", "certs/*.pem", "certs/*key*.pem", "certs/*-key.pem", "certs/root-key.pem"}

// judgeIgnore looks whether a .gitignore that is there keeps the root key out.
func (p *preparation) judgeIgnore() File {
	f := p.judgeFile(GitignoreFile)
	if f.Action == Created {
		return f
	}
	data, err := p.dir.read(GitignoreFile, nil)
	if err != nil {
		f.Notes = []string{fmt.Sprintf("cannot be read (%v): make sure that git does not track the root key", err)}
		return f
	}
	for line := range strings.Lines(string(data)) {
		if slices.Contains(ignoring, strings.TrimPrefix(strings.TrimSpace(line), "/")) {
			return f
		}
	}
	f.Notes = []string{"does not seem to keep the root key out of git: add the line /certs/*key*.pem"}
	return f
}

// gitLimit is how long git may take to look into its index.
const gitLimit = 5 * time.Second

// tracked says whether git tracks a file. No means no, or that there is no git
// to ask. A repository's own file system monitor is not run.
func (d *Dir) tracked(ctx context.Context, file string) bool {
	ctx, cancel := context.WithTimeout(ctx, gitLimit)
	defer cancel()
	return exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "-C", d.path, "ls-files", "--error-unmatch", "--", file).Run() == nil
}
