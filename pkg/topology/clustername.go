package topology

import (
	"regexp"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

// ClusterName derives the name that a cluster has in the mesh from the name of
// its kubeconfig context, for a context whose name is not given in the file.
// The part that names the cluster is taken,
//
//	arn:aws:eks:eu-west-1:111122223333:cluster/prod   prod    after the last /
//	gke_my-project_europe-west1-b_prod                prod    GKE: after zone and _
//	admin@prod                                        prod    after the last @
//	default/api-prod:6443/admin                       api-prod  OpenShift: namespace/host:port/user
//
// a leading context-, kind- or k3d- is dropped, letters become lower case, and
// everything but letters and digits becomes a "-". It returns the empty string
// where that gives no DNS label of at most 63 characters (RFC 1123), or where
// letters other than a to z would be lost.
func ClusterName(context string) string {
	name := context
	if parts := strings.Split(name, "/"); len(parts) == 3 && openShiftHost.MatchString(parts[1]) {
		name, _, _ = strings.Cut(parts[1], ":")
	} else {
		name = parts[len(parts)-1]
	}
	if parts := strings.SplitN(name, "_", 4); len(parts) == 4 && parts[0] == "gke" {
		name = parts[3]
	}
	name = name[strings.LastIndex(name, "@")+1:]
	for _, prefix := range []string{"context-", "kind-", "k3d-"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && names.Slug(rest) != "" {
			name = rest
			break
		}
	}
	if s := names.Slug(name); names.ASCII(name) && names.DNSLabel.Allows(s) {
		return s
	}
	return ""
}

var openShiftHost = regexp.MustCompile(`^[^:]+:\d+$`)
