package view

import (
	"fmt"
	"io"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Certificates words the certificates of a mesh: its root, a line for each cluster, and what
// has to be done.
func Certificates(w io.Writer, c *status.Certificates, colour bool) {
	for i, d := range c.Root {
		say(w, "root %s, %s, until %s (%s), %s", certs.Short(d.Fingerprint), d.Algorithm, d.NotAfter.Format(time.DateOnly), daysLeft(d), rootDoes(c, i))
		say(w, "  %s", d.Subject)
	}
	io.WriteString(w, "\n")
	printLines(w, table(certificateRows(c)))
	io.WriteString(w, "\n")
	findings(w, palette(colour).mark("!"), c.Notes)
	findings(w, palette(colour).mark("x"), c.Findings)
	if !c.Due() {
		say(w, "Nothing is due.")
	}
}

// rootDoes says what certificate i of the root is for.
func rootDoes(c *status.Certificates, i int) string {
	switch {
	case i > 0:
		return "trusted"
	case c.Key:
		return "signs, and its key is here"
	}
	return "signs, and its key is elsewhere"
}

func daysLeft(d certs.Description) string {
	if d.Due == certs.Ended {
		return "ended"
	}
	return fmt.Sprintf("%d d", d.Days)
}

// certificateRows are a line for each cluster: the CA that signs there, whether proxies are
// given the root and have it, and when the first of its tokens ends.
func certificateRows(c *status.Certificates) [][]string {
	rows := [][]string{{"CLUSTER", "ISSUING CA", "ALGORITHM", "UNTIL", "LEFT", "ROOT", "SERVED", "PROXIES", "TOKENS"}}
	for _, one := range c.Clusters {
		row := []string{one.Name, "-", "-", "-", "-", "?", one.Served, one.Proxies, firstToken(one.Tokens)}
		if one.Unreached != "" {
			row = []string{one.Name, "not reached", "?", "?", "?", "?", "?", "?", "?"}
		}
		if d := one.Issuing; d != nil {
			row[1], row[2], row[3], row[4], row[5] = certs.Short(d.Fingerprint), d.Algorithm, d.NotAfter.Format(time.DateOnly), daysLeft(*d), orDash(certs.Short(d.SignedBy))
		} else if len(one.Roots) > 0 {
			row[5] = certs.Short(one.Roots[0].Fingerprint)
		}
		if one.Proxies == status.Ok {
			row[7] = fmt.Sprintf("%d of %d %s", one.Asked.Asked, one.Asked.Connected, status.Ok)
		}
		rows = append(rows, row)
	}
	return rows
}

// firstToken is how long the first of the tokens is valid, "-" for none.
func firstToken(tokens map[string]status.Token) string {
	first, found := 0, false
	for _, t := range tokens {
		if !found || t.Hours < first {
			first, found = t.Hours, true
		}
	}
	if !found {
		return "-"
	}
	return hoursLeft(first)
}
