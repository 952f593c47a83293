package execute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// verdicts are parts of the messages of those who refuse a pod for what it is: a
// ResourceQuota, a LimitRange, Pod Security, a policy. They say the same until
// somebody changes one of the two. Other refusals go by themselves, as those of
// a webhook that is not up yet or for an account that is just being made.
//
//   - https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go
//   - https://github.com/kubernetes/kubernetes/blob/v1.36.0/plugin/pkg/admission/limitranger/admission.go
//   - https://github.com/kubernetes/kubernetes/blob/v1.36.0/plugin/pkg/admission/security/podsecurity/admission.go
//   - https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go
var verdicts = []string{
	"exceeded quota: ", "failed quota: ", "usage per Container", "usage per Pod", "violates PodSecurity", " denied the request", " denied request: ",
}

// refusedForGood says whether waiting does not mend a failure.
func refusedForGood(failure string) bool {
	return slices.ContainsFunc(verdicts, func(v string) bool { return strings.Contains(failure, v) })
}

// A refusedError says that the pods of a workload are refused for what they are.
type refusedError struct {
	ref     object.Ref
	context string
	why     string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("wait for %s in %q: its pods are refused: %s", e.ref, e.context, e.why)
}

// Remedy is what to do about it. The controller tries again after ever longer
// times, up to 16 minutes.
func (e *refusedError) Remedy() string {
	return fmt.Sprintf("change the quota or the policy, or what the pods ask for in base.yaml; then %s, and apply again", check.Restart(e.context, e.ref))
}
