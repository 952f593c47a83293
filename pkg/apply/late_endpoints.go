package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// primaryEndpoints are where the gateway of a primary is reached, for the proxies
// and the API server of a remote cluster.
type primaryEndpoints struct {
	primary string
}

// Judge implements [Late]. What is not known of the primary's gateway is no
// reason to give up an address that may work.
func (p *primaryEndpoints) Judge(w *World, live *unstructured.Unstructured) string {
	primary := w.Cluster(p.primary)
	if primary == nil || primary.Unreached != nil || !primary.Reach.Known() {
		return ""
	}
	want, have := primary.Reach.endpoints(), endpointsOf(live)
	if want.equal(have) {
		return ""
	}
	return fmt.Sprintf("gateway of %s: %s -> %s", p.primary, have, want)
}

// Needs implements [Late].
func (p *primaryEndpoints) Needs() []order.Fact {
	return []order.Fact{{Cluster: p.primary, Claim: order.Addressed}}
}

// Source implements [Late].
func (p *primaryEndpoints) Source() string { return p.primary }

// Sends implements [Late]: the addresses, as far as they are known.
func (p *primaryEndpoints) Sends(w *World) string {
	primary := w.Cluster(p.primary)
	if primary == nil || primary.Unreached != nil || !primary.Reach.Known() {
		return ""
	}
	return primary.Reach.endpoints().String()
}

// Access implements [Late].
func (*primaryEndpoints) Access(source *Live) []object.Access {
	return []object.Access{object.AccessTo("get", object.GatewayServiceRef(source.Namespace))}
}

// Fields implements [Late].
func (*primaryEndpoints) Fields() []string { return []string{"addressType", "endpoints", "ports"} }

// Mint asks where the primary's gateway is reached now.
func (p *primaryEndpoints) Mint(ctx context.Context, m Minter) (content, error) {
	reach := readReach(ctx, m.Clients.connect(m.World.Cluster(p.primary)))
	if reach.Err != nil {
		return content{}, reach.Err
	}
	if !reach.Known() {
		return content{}, fmt.Errorf("the gateway of %s has no address", p.primary)
	}
	return content{fields: reach.endpoints().fields(), sends: reach.endpoints().String()}, nil
}
