package legacy

import "strings"

// tracing keeps the addresses of tracers. Today's charts read them only where
// values.global.proxy.tracer names the tracer, which Istio 1.4 took to be zipkin.
func tracing(t *translation) {
	named, _ := t.spec.Get("values", "global", "proxy", "tracer").Literal()
	to := []string{"meshConfig", "defaultConfig", "tracing"}
	for _, address := range []struct{ tracer, field string }{
		{"zipkin", "address"}, {"lightstep", "address"}, {"lightstep", "accessToken"}, {"datadog", "address"},
	} {
		keys := []string{"values", "global", "tracer", address.tracer, address.field}
		v := t.spec.Get(keys...)
		text, ok := v.Literal()
		switch {
		case v == nil:
		case named == address.tracer && ok && text != "":
			t.tell(Warning, keys, "", "write meshConfig."+strings.Join(to[1:], ".")+"."+address.tracer+"."+address.field, "is deprecated")
		case named == address.tracer:
		case named == "" && address.tracer == "zipkin" && ok && text != "":
			t.move(keys, append(to, address.tracer, address.field))
		case !ok || text == "" || text == "$(HOST_IP):8126":
			t.take(keys, Note, "", "asks for nothing today")
		default:
			t.take(keys, Warning, "set values.global.proxy.tracer to "+address.tracer+", or meshConfig.defaultConfig.tracing", "has no effect: no tracer of this name is used")
		}
	}
}
