package observe

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A pod that is refused is not injected, whoever refuses it. Only a user who may not
// make pods has not tried.
func TestInjectionThatIsForbidden(t *testing.T) {
	tests := map[string]struct {
		allowed, notTried bool
	}{
		"by a quota, a policy or for want of an account": {allowed: true},
		"to the user": {notTried: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fleet := applytest.New(1)
				defer fleet.Close()
				fleet.Add("a").Set(func(s *applytest.Settings) {
					s.Allowed = func(a object.Access) bool { return tt.allowed || a.Verb != "create" }
				})
				fleet.OnRequest(func(r applytest.Request) applytest.Fault {
					if r.Verb == "try" {
						return applytest.Forbidden
					}
					return applytest.None
				})
				run, ctx := fleet.Run(t.Context())
				cluster, err := run.Open("a")
				if err != nil {
					t.Fatal(err)
				}
				err = TryInjection(ctx, &world.Connected{Cluster: cluster}, ProbePod("default", "default"))
				if err == nil || errors.Is(err, ErrNotTried) != tt.notTried {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}
