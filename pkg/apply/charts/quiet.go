package charts

import (
	"sync"

	"istio.io/istio/pkg/log"
)

// Quiet turns off Istio's logging, which writes to standard output, where only
// answers belong. What it would say is among what [Check] returns.
var Quiet = sync.OnceFunc(func() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
})
