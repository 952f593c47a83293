package topology

import (
	"net/url"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// An APIServer is how other clusters reach a cluster's API server, where that
// differs from the kubeconfig. Empty fields are as in the kubeconfig.
type APIServer struct {
	Server        string // https URL
	TLSServerName string
	CAFile        string   // as written: relative to topology.yaml, or absolute
	CAFileAt      Position // where that was written
}

// apiServer judges what t, a context's apiServer, says. No message repeats a URL
// that may hold a password or a token.
func (p *meshParser) apiServer(t *tree, a *file.APIServer, path string) APIServer {
	if a == nil {
		return APIServer{}
	}
	out := APIServer{Server: a.Server, TLSServerName: a.TLSServerName, CAFile: a.CAFile}
	if v := t.get("server"); !v.isNull() && v.kind == scalar {
		const example = "such as https://10.0.0.5:6443"
		u, err := url.Parse(a.Server)
		switch {
		case err != nil || u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" || !validPort(u):
			p.problems.add(v.at, join(path, "server"), example, "is no https URL with a host")
		case u.User != nil:
			p.problems.add(v.at, join(path, "server"), example, "must not name a user")
		case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			p.problems.add(v.at, join(path, "server"), example, "must not have a query or a fragment")
		}
	}
	if v := t.get("tlsServerName"); !v.isNull() && v.kind == scalar && !dnsSubdomain.allows(a.TLSServerName) {
		p.problems.add(v.at, join(path, "tlsServerName"), "", "%s is no host name", quote(a.TLSServerName))
	}
	if v := t.get("caFile"); !v.isNull() && v.kind == scalar {
		out.CAFileAt = v.at
		if a.CAFile == "" {
			p.problems.add(v.at, join(path, "caFile"), "", "names no file")
		}
	}
	return out
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// CAFileProblem is a problem with the file that apiServer.caFile of c names, at
// the place where it is named.
func (c Cluster) CAFileProblem(message, hint string) Problem {
	return Problem{
		Position: c.APIServer.CAFileAt,
		Path:     join("contexts", c.Context, "apiServer", "caFile"),
		Message:  message, Hint: hint,
	}
}
