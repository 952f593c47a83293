package view

import (
	"fmt"
	"io"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Names are clusters in a sentence.
func Names(names []string) string { return every(names) }

// Access words a plan about tokens: a line for each that ends or is renewed.
func Access(w io.Writer, p *plan.Plan, objects bool) {
	width := 0
	for _, pair := range p.Pairs() {
		width = max(width, len(pair.Consumer))
	}
	if p.Ends() {
		say(w, "mesh %s: tokens that end", p.Mesh)
	} else {
		say(w, "mesh %s: tokens that are renewed", p.Mesh)
	}
	for _, pair := range p.Pairs() {
		say(w, "  %-*s   for %s%s", width, pair.Consumer, pair.Source, fateOf(p, pair.Consumer, pair.Source))
	}
	for _, pair := range p.Pairs() {
		source := p.Cluster(pair.Source)
		if p.Ends() && source != nil && slices.Contains(source.Primaries, pair.Consumer) {
			// Proxies show istiod a token of their cluster, which has its API server judge it.
			say(w, "! %s serves %s: without a token for it, it turns away proxies of %s that connect again or renew their certificates", pair.Consumer, pair.Source, pair.Source)
		}
	}
	if objects {
		for _, c := range p.Clusters {
			for _, ch := range c.Changes {
				if ch.Pending() && ch.Component == order.RemoteAccess {
					say(w, "  %s %s in %s", string(ch.Action), ch.Object, c.Name)
				}
			}
		}
	}
	findings(w, "!", p.Warnings)
}

// fateOf says why the token of a pair is left as it is, "" for one that is not.
func fateOf(p *plan.Plan, consumer, source string) string {
	for _, name := range []string{source, consumer} {
		c := p.Cluster(name)
		if c != nil && c.Unreached != "" && (p.Renews() || name == source) {
			return ": left as it is, " + name + " is not reached"
		}
	}
	if grantChanges(p, consumer, source) {
		return ""
	}
	if p.Ends() {
		return ": has ended already, there is no grant"
	}
	return ": left as it is, there is none to renew"
}

// grantChanges says whether a grant of a pair comes or goes.
func grantChanges(p *plan.Plan, consumer, source string) bool {
	from := p.Cluster(source)
	return from != nil && slices.ContainsFunc(from.Changes, func(ch plan.Change) bool {
		return ch.Part == order.Grant && ch.Peer == consumer && ch.Pending()
	})
}

// AccessQuestion asks whether tokens are to end, or to be renewed.
func AccessQuestion(w io.Writer, p *plan.Plan) {
	if p.Ends() {
		question(w, fmt.Sprintf("End the access of %s to %s", p.Options.Access.Consumer, every(changedSources(p))))
		return
	}
	question(w, "Renew the tokens for "+every(changedSources(p)))
}

// changedSources are the clusters of whose API servers tokens end or are renewed.
func changedSources(p *plan.Plan) []string {
	var out []string
	for _, pair := range p.Pairs() {
		if grantChanges(p, pair.Consumer, pair.Source) && !slices.Contains(out, pair.Source) {
			out = append(out, pair.Source)
		}
	}
	return out
}

// AccessAfter says what follows when tokens have ended.
func AccessAfter(w io.Writer, p *plan.Plan) {
	if !p.Ends() {
		return
	}
	name := p.Options.Access.Consumer
	c := p.Cluster(name)
	if c == nil || c.Unreached != "" {
		say(w, "%s is not reached, so its tokens could not be tried: an API server may accept one for 10 s after its grant is gone.", name)
	}
	say(w, "What %s watches already, it may watch until that ends: istiod's own watches do within 10 minutes.", name)
	if c == nil || c.Leaving {
		say(w, "It is not in topology.yaml: no apply gives it new tokens.")
		return
	}
	say(w, "The next setup-mesh apply gives it new tokens. To keep it out, take it out of topology.yaml, or set contexts.%s.disableRegistryJoin: true, before that.", c.Context)
}

// accessCommand is the command that made a plan about tokens.
func accessCommand(p *plan.Plan) string {
	a := p.Options.Access
	switch {
	case p.Ends() && a.Source != "":
		return "certs revoke-access --from " + a.Source + " " + a.Consumer
	case p.Ends():
		return "certs revoke-access " + a.Consumer
	case a.Consumer != "":
		return "certs rotate-access --of " + a.Consumer
	}
	return "certs rotate-access"
}
