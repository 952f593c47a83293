package applytest

import (
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// later puts down what an actor of c has to do. The key is the actor's name and
// what it looks at: it acts once on all that changed before it does.
func (c *Cluster) later(wait time.Duration, key string, do func()) {
	c.f.agenda.after(wait, c.name+"\x00"+key, do)
}

// react tells the actors what changed.
func (c *Cluster) react(ref object.Ref, before, after Object) {
	switch ref.Kind {
	case "Namespace":
		c.namespaceChanged(before, after)
	case object.CrdRef.Kind:
		c.crdChanged(before, after)
	case "Deployment", "DaemonSet":
		c.workloadChanged(ref)
	case "Pod":
		c.podChanged(ref, before, after)
	case "Service":
		c.serviceChanged(ref, after)
	}
	c.garbage(before, after)
	c.contentChanged(ref, after)
	c.instanceChanged(ref, after)
	c.meshChanged(ref)
	c.gatewaysChanged(ref)
}

// reconsider has all actors look at everything, since the settings changed.
func (c *Cluster) reconsider() {
	for _, kind := range c.kinds() {
		for _, o := range c.list(kind, "", nil) {
			switch ref := object.RefOf(o); ref.Kind {
			case "Deployment", "DaemonSet":
				c.workloadChanged(ref)
			case "Service":
				c.serviceChanged(ref, o)
			}
		}
	}
	c.meshChanged(object.Ref{Kind: "Secret"})
}
