package bundle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What stands in the place of what was taken out.
const (
	redacted = "[redacted]" // it looks like a secret, or its name says that it is one
	leftOut  = "[left out]" // it may be anything
)

// secretName matches names of what is to be kept secret. What is about secrets, and
// holds none, is in publicName.
var (
	secretName = regexp.MustCompile(`(?i)passw|passphrase|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|key[-_.]?data|credential|authoriz|bearer|cookie|client[-_.]?key|license|dsn$|connection[-_.]?string|webhook[-_.]?url`)
	publicName = regexp.MustCompile(`(?i)^(secretname|imagepullsecrets|credentialname|token_?audiences?|.*tokenlifetime|tokennotafter|tokensnotafter|tokenhours|tokenends|automountserviceaccounttoken|.*secretttl|enable_.*|thirdpartyjwt)$`)
)

// patterns match what is secret wherever it stands.
var patterns = []*regexp.Regexp{
	regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]+-----.*?(-----END [A-Z0-9 ]+-----|$)`),
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*)*`),               // JSON Web Tokens
	regexp.MustCompile(`(?:LS0tLS1CRUdJTi|ZXlK)[A-Za-z0-9+/_=-]+`),              // PEM and JSON Web Tokens in base64
	regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate)\s+[^\s"',;]{6,}`), // HTTP credentials
	regexp.MustCompile(`[A-Za-z0-9+/_-]{90,}={0,2}`),                            // keys in base64
	regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{16}\b`),                           // of Amazon
	regexp.MustCompile(`\b(gh[pousr]_|github_pat_|xox[abprs]-|glpat-|AIza)[A-Za-z0-9_-]{16,}`),
}

// Two patterns keep what stands before the secret: a URL with a password, and a name
// with what it is set to.
var (
	userinfo   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/@\s"']+@`)
	assignment = regexp.MustCompile(`(?i)((?:password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|authorization|cookie)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)`)
)

// redactText takes out of a text what looks like a secret.
func redactText(s string) string {
	for _, p := range patterns {
		s = p.ReplaceAllString(s, redacted)
	}
	s = userinfo.ReplaceAllString(s, "${1}"+redacted+"@")
	return assignment.ReplaceAllString(s, "${1}"+redacted)
}

func namesSecret(name string) bool {
	return secretName.MatchString(name) && !publicName.MatchString(name)
}

// freeForm are keys below which users put what they like: of these, names stay and
// values go.
var freeForm = []string{
	"annotations", "podAnnotations", "serviceAnnotations", "env", "value", "command", "args", "data", "stringData",
	"headers", "initialMetadata", "requestHeaders", "responseHeaders", "proxyMetadata", "runtimeValues", "customTags",
	"caBundle", "caCertificates", "certificates", "pem", "inlineString", "inlineBytes", "datadog", "lightstep",
}

func isFreeForm(key string) bool {
	return slices.ContainsFunc(freeForm, func(f string) bool { return strings.EqualFold(f, key) })
}

// knownVariables are the beginnings of environment variables that are Istio's own:
// https://istio.io/latest/docs/reference/commands/pilot-discovery/#envvars
var knownVariables = []string{"PILOT_", "ISTIO_", "ISTIOD_", "ENABLE_", "EXTERNAL_ISTIOD", "CLUSTER_ID", "REVISION", "LOCAL_CLUSTER", "SHARED_MESH", "TRUST_DOMAIN", "ROOT_CA_DIR", "CITADEL_", "GOMEMLIMIT", "GOMAXPROCS", "CA_ADDR", "CA_TRUSTED_NODE_ACCOUNTS", "PROXY_CONFIG_XDS_AGENT", "PLATFORM", "POD_", "SERVICE_ACCOUNT", "NETWORK", "META_"}

// variable is what an environment variable may be said to be.
func variable(name, value string) string {
	known := slices.ContainsFunc(knownVariables, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	if !known {
		return leftOut
	}
	if namesSecret(name) {
		return redacted
	}
	return redactText(value)
}

// redactValue is v without what is secret by its name, its place or its looks. It keeps
// nothing of v that it changes. Lists of names and values are environment variables.
func redactValue(v any) any { return redactAt("", v, false) }

// redactAt is the same of what stands at a key; free says that users put there what
// they like.
func redactAt(key string, v any, free bool) any {
	switch v := v.(type) {
	case map[string]any:
		return redactMap(v, free)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = redactAt(key, item, free)
		}
		return out
	case string:
		switch {
		case v == "":
			return v
		case namesSecret(key):
			return redacted
		case free:
			return leftOut
		}
		return redactText(v)
	}
	return redactScalar(key, v, free)
}

// redactScalar is what redactAt makes of what is not a text. A type that no YAML or JSON
// of ours has may hold anything.
func redactScalar(key string, v any, free bool) any {
	switch v.(type) {
	case nil, bool:
		return v
	case int, int64, uint64, float64:
		switch {
		case namesSecret(key):
			return redacted
		case free:
			return leftOut
		}
		return v
	}
	return leftOut
}

func redactMap(m map[string]any, free bool) any {
	out := map[string]any{}
	name, named := m["name"].(string)
	path, isField := m["path"].(string) // of what a plan changes, from old to new
	secretPath := isField && namesSecret(path)
	freePath := isField && slices.ContainsFunc(segments(path), isFreeForm)
	for k, v := range m {
		text, isText := v.(string)
		switch {
		case k == "name" && isText: // of a variable, a container, a port
			out[k] = redactText(text)
		case k == "value" && isText && named:
			out[k] = variable(name, text)
		case (k == "old" || k == "new") && v != nil && secretPath:
			out[k] = redacted
		case (k == "old" || k == "new") && v != nil && freePath:
			out[k] = leftOut
		case k == "env":
			out[k] = redactEnv(v)
		default:
			out[redactText(k)] = redactAt(k, v, free || isFreeForm(k) || namesSecret(k))
		}
	}
	return out
}

// redactEnv is environment variables, written as Kubernetes has them or as Istio's
// values have them.
func redactEnv(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return redactAt("", v, false)
	}
	out := map[string]any{}
	for name, value := range m {
		switch value.(type) {
		case string, bool, int, int64, float64:
			out[redactText(name)] = variable(name, fmt.Sprint(value))
		default:
			out[redactText(name)] = redactAt(name, value, true)
		}
	}
	return out
}

// segments are the keys of a path such as spec.env[A].value.
func segments(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(`.[]"=`, r) })
}
