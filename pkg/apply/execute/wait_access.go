package execute

import (
	"context"
	"fmt"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// settleTime is how long istiods have to call a cluster synced after it got a new token.
// One that has not seen the Secret yet says so of the old token; one that has calls the
// cluster "syncing" until it has read all of it with the new one.
// https://github.com/istio/istio/blob/1.31.0/pkg/kube/multicluster/secretcontroller.go (addRemoteConfig)
const settleTime = 2 * time.Second

// tokenInterval is the time between two trials of a token.
const tokenInterval = 250 * time.Millisecond

// waitAccepted waits until the API server of source accepts the token that is stored in
// consumer now.
func waitAccepted(ctx context.Context, x *execution, consumer, source *plan.Cluster, r *reporter) error {
	ref := object.SecretRef(consumer.Namespace, object.RemoteSecretPrefix+source.Name)
	return pollEvery(ctx, tokenInterval, r, func(ctx context.Context) (string, error) {
		secret, err := x.at(consumer).Cluster.Get(ctx, ref)
		if err != nil {
			return "", err
		}
		if _, err := x.at(source).Cluster.CheckToken(ctx, desired.SecretData(secret)[source.Name]); err != nil {
			return fmt.Sprintf("%s does not accept the new token: %v", source.Name, err), nil
		}
		return "", nil
	})
}

// waitRefused waits until the API server of source refuses the token that consumer had
// when the plan was made. An API server remembers for ten seconds whom it accepted.
// https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubeapiserver/options/authentication.go (TokenSuccessCacheTTL)
func waitRefused(ctx context.Context, x *execution, source, consumer *plan.Cluster, r *reporter) error {
	kubeconfig := desired.SecretData(consumer.Credential(source.Name))[source.Name]
	return pollEvery(ctx, tokenInterval, r, func(ctx context.Context) (string, error) {
		_, err := x.at(source).Cluster.CheckToken(ctx, kubeconfig)
		switch object.ClassOf(err) {
		case object.Unauthorized:
			return "", nil
		case object.BadKubeconfig:
			return "", err
		}
		if err != nil {
			return fmt.Sprintf("whether the token of %s has ended: %v", consumer.Name, err), nil
		}
		return fmt.Sprintf("the token of %s is still accepted", consumer.Name), nil
	})
}
