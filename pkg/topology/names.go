package topology

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// The rules for names, and the sentences that explain them.
//
// Label and DNS names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
// and https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.
// Trust domains: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain
var (
	dnsLabel     = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`, 63, `lower case letters, digits and "-", at most 63`)
	dnsSubdomain = newRule(`[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`, 253,
		`lower case letters, digits, "-" and ".", at most 253`)
	labelValue = newRule(`[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?`, 63,
		`letters, digits, "-", "_" and ".", a letter or digit first and last, at most 63`)
	trustDomain = newRule(`[a-z0-9]([-._a-z0-9]*[a-z0-9])?`, 255,
		`lower case letters, digits, "-", "_" and ".", at most 255`)
)

type nameRule struct {
	pattern *regexp.Regexp
	max     int
	words   string
}

func newRule(pattern string, max int, words string) nameRule {
	return nameRule{regexp.MustCompile("^(?:" + pattern + ")$"), max, words}
}

func (r nameRule) allows(s string) bool {
	return len(s) <= r.max && r.pattern.MatchString(s)
}

// hint explains the rule and, where lower-casing and replacing is all that s
// needs, gives the corrected name.
func (r nameRule) hint(s string) string {
	for _, fixed := range []string{strings.ToLower(s), slug(s)} {
		if s != "" && isASCII(s) && r.allows(fixed) {
			return r.words + ": " + fixed
		}
	}
	return r.words
}

// slug lower-cases s and puts one "-" for every run of other characters.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// ClusterName derives the name that a cluster has in the mesh from the name of
// its kubeconfig context, for a context whose name is not given in the file.
// The part that names the cluster is taken,
//
//	arn:aws:eks:eu-west-1:111122223333:cluster/prod   prod    after the last /
//	gke_my-project_europe-west1-b_prod                prod    GKE: after zone and _
//	admin@prod                                        prod    after the last @
//	default/api-prod:6443/admin                       api-prod  OpenShift: namespace/host:port/user
//
// a leading context-, kind- or k3d- is dropped, letters become lower case, and
// everything but letters and digits becomes a "-". It returns the empty string
// where that gives no DNS label of at most 63 characters (RFC 1123), or where
// letters other than a to z would be lost.
func ClusterName(context string) string {
	name := context
	if parts := strings.Split(name, "/"); len(parts) == 3 && openShiftHost.MatchString(parts[1]) {
		name, _, _ = strings.Cut(parts[1], ":")
	} else {
		name = parts[len(parts)-1]
	}
	if parts := strings.SplitN(name, "_", 4); len(parts) == 4 && parts[0] == "gke" {
		name = parts[3]
	}
	name = name[strings.LastIndex(name, "@")+1:]
	for _, prefix := range []string{"context-", "kind-", "k3d-"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && slug(rest) != "" {
			name = rest
			break
		}
	}
	if s := slug(name); isASCII(name) && dnsLabel.allows(s) {
		return s
	}
	return ""
}

var openShiftHost = regexp.MustCompile(`^[^:]+:\d+$`)

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// printable says that s can be shown on a terminal as it is: graphic characters
// and plain spaces, no control, no invisible ones.
func printable(s string) bool {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// lookalike names the two alphabets that s mixes, such as Latin and Cyrillic,
// whose letters cannot be told apart by eye. It is empty where s does not.
// https://www.unicode.org/reports/tr39/#Mixed_Script_Detection
func lookalike(s string) string {
	first := ""
	for _, r := range s {
		for _, script := range []string{"Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic"} {
			if !unicode.Is(unicode.Scripts[script], r) || script == first {
				continue
			}
			if first != "" {
				return first + " and " + script
			}
			first = script
		}
	}
	return ""
}

// nearest returns the candidate that s was probably meant to be, or "": the one
// with the fewest edits, at most a third of its length, case not counted.
func nearest(s string, candidates []string) string {
	best, fewest := "", 1<<30
	for _, c := range candidates {
		d := distance(strings.ToLower(s), strings.ToLower(c))
		if d <= max(1, len(c)/3) && d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// distance is the number of characters to insert, delete, replace or swap with
// their neighbour to get from a to b (optimal string alignment). Long texts are
// far from everything.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 1 << 20
	}
	var before []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		next := make([]int, len(y)+1)
		next[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(y)]
}

// didYouMean is the hint for a word that is not among candidates.
func didYouMean(s string, candidates []string) string {
	if n := nearest(s, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}
