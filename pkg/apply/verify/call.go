package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// called is what the client of one cluster was answered.
type called struct {
	answers map[string]int // by the pod that answered
	wrong   string         // the first answer that was none, or why there was none at all
	err     error          // why not all calls were made
}

// call has the client of p call the service n times.
func (p *place) call(ctx context.Context, o Options, n int) called {
	url := fmt.Sprintf("http://%s.%s:%d/hello?call=[1-%d]", service, o.Namespace, port, n)
	command := []string{"curl", "-sS", "-m", "5", "-w", `\n%{http_code}\n`}
	if o.Ambient { // a connection leads to one pod, whatever is asked for in it
		command = append(command, "-H", "Connection: close")
	}
	out, err := p.Exec(ctx, o.Namespace, p.client.name, client, append(command, url)...)
	got := read(string(out.Stdout), string(out.Stderr))
	if got.err = err; err != nil && got.wrong == "" {
		got.wrong = err.Error()
	}
	return got
}

// silent says whether nothing is known of what the client would be answered: it could
// not be asked. Calls that the deadline has ended were made, and some may be answered.
func (c called) silent() bool { return c.err != nil && object.ClassOf(c.err) != object.Timeout }

var (
	// greeting is what helloworld answers.
	greeting = regexp.MustCompile(`^Hello version: \S+, instance: (\S+)$`)
	status   = regexp.MustCompile(`^[0-9]{3}$`)
)

// read reads what curl printed.
func read(stdout, stderr string) called {
	out := called{answers: map[string]int{}}
	for line := range strings.Lines(stdout + "\n" + stderr) {
		line = strings.TrimSpace(line)
		if m := greeting.FindStringSubmatch(line); m != nil {
			out.answers[m[1]]++
		} else if line != "" && !status.MatchString(line) && out.wrong == "" {
			out.wrong = line
		}
	}
	return out
}
