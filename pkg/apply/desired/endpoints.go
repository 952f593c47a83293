package desired

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// PrimaryEndpoints are where the gateway of a primary is reached, for the proxies
// and the API server of a remote cluster.
type PrimaryEndpoints struct {
	Primary string
}

// Judge implements [Late]. What is not known of the primary's gateway is no
// reason to give up an address that may work.
func (p *PrimaryEndpoints) Judge(w *world.World, live *unstructured.Unstructured) string {
	primary := w.Cluster(p.Primary)
	if primary == nil || primary.Unreached != nil || !primary.Reach.Known() {
		return ""
	}
	want, have := primary.Reach.Endpoints(), world.EndpointsOf(live)
	if want.Equal(have) {
		return ""
	}
	return fmt.Sprintf("gateway of %s: %s -> %s", p.Primary, have, want)
}

// Needs implements [Late].
func (p *PrimaryEndpoints) Needs() []order.Fact {
	return []order.Fact{{Cluster: p.Primary, Claim: order.Addressed}}
}

// Source implements [Late].
func (p *PrimaryEndpoints) Source() string { return p.Primary }

// Sends implements [Late]: the addresses, as far as they are known.
func (p *PrimaryEndpoints) Sends(w *world.World) string {
	primary := w.Cluster(p.Primary)
	if primary == nil || primary.Unreached != nil || !primary.Reach.Known() {
		return ""
	}
	return primary.Reach.Endpoints().String()
}

// Access implements [Late].
func (*PrimaryEndpoints) Access(source *world.Live) []object.Access {
	return []object.Access{object.AccessTo("get", object.GatewayServiceRef(source.Namespace))}
}

// Fields implements [Late].
func (*PrimaryEndpoints) Fields() []string { return []string{"addressType", "endpoints", "ports"} }

// Mint asks where the primary's gateway is reached now.
func (p *PrimaryEndpoints) Mint(ctx context.Context, m Minter) (Content, error) {
	reach := world.ReadReach(ctx, m.Clients.Connect(m.World.Cluster(p.Primary)))
	if reach.Err != nil {
		return Content{}, reach.Err
	}
	if !reach.Known() {
		return Content{}, fmt.Errorf("the gateway of %s has no address", p.Primary)
	}
	return Content{Fields: reach.Endpoints().Fields(), Sends: reach.Endpoints().String()}, nil
}
