package charts

import (
	"sync"

	"istio.io/istio/pkg/log"
)

// quiet turns off Istio's logging, which writes to standard output, where only
// answers belong. What it would say is among what [Check] returns.
var quiet = sync.OnceFunc(func() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
})
