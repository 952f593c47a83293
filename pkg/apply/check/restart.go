package check

import (
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Restart is the remedy by which the pods of a workload, such as a Deployment, are made again
// in the cluster of a context.
func Restart(context string, workload object.Ref) string {
	return fmt.Sprintf("kubectl --context %s -n %s rollout restart %s %s", context, workload.Namespace, strings.ToLower(workload.Kind), workload.Name)
}
