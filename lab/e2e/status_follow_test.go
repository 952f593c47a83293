package e2e

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// follow asks about one pair, waits and watches while a credential is taken away and comes back.
func (s *statusFaults) follow(t *testing.T) {
	s.quick(t)
	s.wantPair(t, 0, healthyPair)
	w := s.watch(t)
	w.shows(t, "The mesh is one")
	s.deleted(east1, "secret", "istio-remote-secret-west-1")(t)
	w.shows(t, "access/remote-secret")
	s.wantPair(t, 2, brokenPair)
	s.wantJUnit(t, "access/remote-secret")

	const soon = 5 * time.Second
	late := s.givesUp(t, "status --wait", soon, 2, "waiting, since not all is healthy", "access/remote-secret", "setup-mesh apply")
	if late.took < soon || late.took >= 2*time.Minute { // which it waits for unless it is told otherwise
		t.Errorf("it waits for %.1f s", late.took.Seconds())
	}
	waits := s.start(t, "status", "--wait")
	waits.waitFor(t, "waiting, since not all is healthy")
	s.run(t, 0, "apply", "--yes")
	if r := waits.end(t); r.code != 0 || !strings.Contains(r.stdout, "The mesh is one") {
		t.Errorf("once all is well:\n%s", r)
	}
	w.shows(t, "The mesh is one", "access/remote-secret", "The mesh is one")
	w.interrupt(t)
}

// quick wants a status of three clusters to take less than 1.5 s. The fastest of several counts, and none where the machine
// is busy with other things: then it says nothing of status how long it takes.
func (s *statusFaults) quick(t *testing.T) {
	t.Helper()
	const most, tries = 1500 * time.Millisecond, 10
	fastest := time.Hour
	for range tries {
		if fastest = min(fastest, s.run(t, 0, "status").took); fastest < most {
			return
		}
	}
	if busy(t) {
		t.Logf("the fastest of %d takes %.1f s, on a machine too busy to judge it", tries, fastest.Seconds())
		return
	}
	t.Errorf("the fastest of %d takes %.1f s", tries, fastest.Seconds())
}

// busy says whether twice as many processes want a processor as there are: https://man7.org/linux/man-pages/man5/proc_loadavg.5.html
func busy(t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return false // not Linux: nobody knows
	}
	lastMinute, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(lastMinute, 64)
	if err != nil {
		t.Fatalf("/proc/loadavg: %v", err)
	}
	return load > float64(2*runtime.NumCPU())
}

// wantJUnit wants one check, of one cluster, to have failed in the report for CI systems, and no other.
func (s *statusFaults) wantJUnit(t *testing.T, check string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "status.xml")
	s.run(t, 2, "status", "--junit", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	failed := ""
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			if c.Failure != nil {
				failed += c.Name
				wantWords(t, result{stdout: c.Failure.Text}, "fix: setup-mesh apply")
			}
		}
	}
	if failed != check || report.Failures != 1 || report.Errors > 0 || report.Tests < 60 {
		t.Errorf("%q failed, of %d checks, with %d failures and %d errors", failed, report.Tests, report.Failures, report.Errors)
	}
}

// A watching is a status --watch whose output goes into a file.
type watching struct {
	user  *user
	cmd   *exec.Cmd
	began time.Time
	file  string
}

func (s *statusFaults) watch(t *testing.T) watching {
	t.Helper()
	w := watching{user: s.user, began: time.Now(), file: filepath.Join(t.TempDir(), "watched")}
	out, err := os.Create(w.file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	w.cmd = s.command(ctx, "status", "--watch")
	w.cmd.Stdout = out
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// shows waits until the words have been shown in this order.
func (w watching) shows(t *testing.T, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("status --watch shows %q", words), func(context.Context) error {
		text, err := os.ReadFile(w.file)
		if err != nil {
			return err
		}
		rest := string(text)
		for _, word := range words {
			_, after, ok := strings.Cut(rest, word)
			if !ok {
				return fmt.Errorf("%q is missing in\n%s", word, text)
			}
			rest = after
		}
		return nil
	})
}

// interrupt is Ctrl-C.
func (w watching) interrupt(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = w.cmd.Wait() // how it ended is in the result
	text, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, 130, w.user.result(t, w.cmd, w.began, string(text), ""))
}

// alike puts a word in the place of what is another one in each run.
func alike(text string) string {
	for pattern, word := range map[string]string{
		`127\.0\.0\.1:\d+`: "LOOPBACK", `\.com:\d+`: ".com:PORT", `istiod-[0-9a-z]+-[0-9a-z]{5}`: "POD", `until \d{4}-\d\d-\d\d`: "until DAY", `root [0-9A-F:]{8}`: "root ROOT",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, word)
	}
	return text
}

// wantPair wants status to explain the way from east-1 to west-1 in these words, once istiods have seen what there is.
func (s *statusFaults) wantPair(t *testing.T, code int, want string) {
	t.Helper()
	eventually(t, "what status says of a pair", func(ctx context.Context) error {
		r := s.do(t, s.command(ctx, "status", "--from", "east-1", "--to", "west-1"))
		diff := cmp.Diff(want, alike(r.stdout))
		return errorIf(diff != "" || r.code != code, "want exit %d of %s\n(-want +got):\n%s", code, r, diff)
	})
}

const healthyPair = `east-1 to west-1, by the istiods of east-1
 1  members of the mesh  ok  all answer, and are members of mesh mymeshname
 2  credential           ok  Secret istio-system/istio-remote-secret-west-1 is there
 3  cluster name         ok  the credential is for west-1
 4  API server           ok  https://LOOPBACK answers from here
 5  token                ok  accepted, and valid until DAY
 6  synced               ok  so says POD
 7  network              ok  east-1 on network-east, west-1 on network-west
 8  gateway address      ok  it is at west-1.elb.example.com:PORT, and istiod knows that
 9  gateway answers      ok  the gateway answers at LOOPBACK
10  trust                ok  both trust root ROOT

east-1 finds west-1.
`

const brokenPair = `east-1 to west-1, by the istiods of east-1
 1  members of the mesh  ok  all answer, and are members of mesh mymeshname
 2  credential           NO  access/remote-secret  east-1: Secret istio-system/istio-remote-secret-west-1 is missing
                             fix: setup-mesh apply
 3  cluster name         ?   there is no credential
 4  API server           ?   there is no credential of west-1 to try
 5  token                ?   it was not tried
 6  synced               NO  not known to POD
 7  network              ok  east-1 on network-east, west-1 on network-west
 8  gateway address      ?   it is at west-1.elb.example.com:PORT; whether POD sends there is not known
 9  gateway answers      ok  the gateway answers at LOOPBACK
10  trust                ok  both trust root ROOT

Not healthy: begin with "credential".
`
