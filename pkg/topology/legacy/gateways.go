package legacy

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A gatewayKind is one of the two lists of gateways, with the one gateway that
// Istio 1.4 had of it.
type gatewayKind struct {
	list, block, name string
}

var gatewayKinds = []gatewayKind{
	{"ingressGateways", "ingressGateway", "istio-ingressgateway"},
	{"egressGateways", "egressGateway", "istio-egressgateway"},
}

// gatewayBlocks makes items of the lists of what were two components.
func gatewayBlocks(t *translation) {
	for _, g := range gatewayKinds {
		for _, block := range [][]string{{"gateways", "components", g.block}, {"components", g.block}} {
			v := t.spec.Get(block...)
			if v == nil {
				continue
			}
			for _, k := range slices.Clone(v.Keys()) {
				keys := append(slices.Clone(block), k)
				switch k {
				case "enabled", "k8s", "label":
					if k == "k8s" {
						t.gatewayPorts(keys)
					}
					t.moveInto(keys, g, k)
				case "namespace":
					t.move(keys, []string{"namespace"})
				}
			}
			if v := t.spec.Get(block...); v != nil && len(v.Keys()) == 0 {
				t.take(block, Note, "", "is empty, and asks for nothing")
			}
		}
	}
}

// gatewayPorts lets what went to a port of root's go to where gateways listen since
// they are not root: https://istio.io/latest/news/releases/1.8.x/announcing-1.8/upgrade-notes/
func (t *translation) gatewayPorts(k8s []string) {
	for _, p := range t.spec.Get(append(slices.Clone(k8s), "service", "ports")...).List() {
		target := p.Get("targetPort")
		text, _ := target.Literal()
		is := map[string]int64{"80": 8080, "443": 8443}[text]
		if is == 0 {
			continue
		}
		t.tell(Note, append(slices.Clone(k8s), "service", "ports"), "", "", "go to port %d of the gateway's pods: only root may listen on %s", is, text)
		to := tree.FromPlain(is)
		to.At = target.At
		p.Put("targetPort", p.KeyAt("targetPort"), to)
	}
}

// gatewaySwitches carries out the switches of gateways among the values, which
// today's charts do not read.
func gatewaySwitches(t *translation) {
	for _, all := range [][]string{{"gateways", "enabled"}, {"values", "gateways", "enabled"}} {
		v := t.spec.Get(all...)
		switch {
		case v == nil:
		case v.Value == false:
			for _, g := range gatewayKinds {
				if !t.item(g).Get("enabled").IsNull() && t.item(g).Get("enabled").Value == false {
					continue
				}
				t.setSwitch(g, v, t.spec.KeyAt(all...))
			}
			t.take(all, Note, "", "is enabled: false of each gateway today")
		default:
			t.take(all, Note, "", "asks for nothing today: each gateway is switched by itself")
		}
	}
	for _, g := range gatewayKinds {
		keys := []string{"values", "gateways", g.name, "enabled"}
		v := t.spec.Get(keys...)
		switch {
		case v == nil:
		case v.IsNull():
			t.take(keys, Note, "", "asks for nothing today")
		case !t.item(g).Get("enabled").IsNull() && t.item(g).Get("enabled").Text != v.Text:
			t.take(keys, Warning, "take it out", "has no effect: components.%s says something else", g.list)
		default:
			t.moveInto(keys, g, "enabled")
		}
	}
}

// namelessGateways gives the only gateway of a list the name that Istio gives it.
func namelessGateways(t *translation) {
	for _, g := range gatewayKinds {
		list := t.spec.Get("components", g.list)
		if list == nil || len(list.Items) != 1 || list.Items[0].Kind != tree.Mapping || !list.Items[0].Get("name").IsNull() {
			continue
		}
		t.tell(Note, []string{"components", g.list}, "", "", "is about %s", g.name)
		list.Items[0].Put("name", tree.Position{}, tree.FromPlain(g.name))
	}
}

// item is the gateway of a kind in its list, or nil.
func (t *translation) item(g gatewayKind) *tree.Tree {
	return t.spec.Get("components", g.list).Named(g.name)
}

// moveInto makes the setting at keys a field of the gateway's item.
func (t *translation) moveInto(keys []string, g gatewayKind, field string) {
	v, at := t.spec.Get(keys...), t.spec.KeyAt(keys...)
	to := "components." + g.list + "[name=" + g.name + "]." + field
	have := t.item(g)
	merged, ok := bothSay(have.Get(field), v)
	if have.KeyAt(field).IsZero() { // not the user's
		merged, ok = v, true
	}
	if !ok {
		t.take(keys, Mistake, "keep one of the two", "is %s today, which says something else", to)
		return
	}
	t.tell(Note, keys, to, "", "is %s today", to)
	t.drop(keys)
	t.ensureItem(g, at).Put(field, at, merged)
}

func (t *translation) setSwitch(g gatewayKind, v *tree.Tree, at tree.Position) {
	t.ensureItem(g, at).Put("enabled", at, v)
}

// inProfile says whether the spec's profile has the gateway.
func (t *translation) inProfile(g gatewayKind) bool {
	name, _ := t.spec.Get("profile").Literal()
	if g.list == "egressGateways" {
		return name == "demo"
	}
	return name != "minimal"
}

// ensureItem makes the gateway's item, and its list, where they are missing. A list
// replaces the profile's: the gateway that the profile has stays in it.
func (t *translation) ensureItem(g gatewayKind, at tree.Position) *tree.Tree {
	if item := t.item(g); item != nil {
		return item
	}
	keys := []string{"components", g.list}
	list := t.spec.Get(keys...)
	if list == nil || list.Kind != tree.Sequence {
		list = &tree.Tree{Kind: tree.Sequence, At: at}
		t.put(keys, at, list)
	}
	item := tree.NewMapping()
	item.At = at
	item.Put("name", at, tree.FromPlain(g.name))
	item.Put("enabled", tree.Position{}, tree.FromPlain(t.inProfile(g)))
	list.Items = append(list.Items, item)
	return item
}
