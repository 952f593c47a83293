package topology

import (
	"net/url"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
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
func (p *meshParser) apiServer(t *tree.Tree, a *file.APIServer, path string) APIServer {
	if a == nil {
		return APIServer{}
	}
	out := APIServer{Server: a.Server, TLSServerName: a.TLSServerName, CAFile: a.CAFile}
	if v := t.Get("server"); !v.IsNull() && v.Kind == tree.Scalar {
		const example = "such as https://10.0.0.5:6443"
		u, err := url.Parse(a.Server)
		switch {
		case err != nil || u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" || !validPort(u):
			p.problems.Add(v.At, tree.Join(path, "server"), example, "is not an https URL with a host")
		case u.User != nil:
			p.problems.Add(v.At, tree.Join(path, "server"), example, "must not name a user")
		case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
			p.problems.Add(v.At, tree.Join(path, "server"), example, "must not have a query or a fragment")
		}
	}
	if v := t.Get("tlsServerName"); !v.IsNull() && v.Kind == tree.Scalar && !names.DNSSubdomain.Allows(a.TLSServerName) {
		p.problems.Add(v.At, tree.Join(path, "tlsServerName"), names.DNSSubdomain.Hint(a.TLSServerName), "%s is not a valid host name", names.Quote(a.TLSServerName))
	}
	if v := t.Get("caFile"); !v.IsNull() && v.Kind == tree.Scalar {
		out.CAFileAt = v.At
		if a.CAFile == "" {
			p.problems.Add(v.At, tree.Join(path, "caFile"), "write the name of a file with the PEM certificates of the CA, or take it out", "is empty: file name expected")
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
		Path:     tree.Join("contexts", c.Context, "apiServer", "caFile"),
		Message:  message, Hint: hint,
	}
}
