package object

import (
	"net/netip"
	"net/url"
	"strings"
)

// An Endpoint is how an API server is reached, without credentials. It is
// what a remote secret needs beside a token.
type Endpoint struct {
	Server        string // URL, with a path where the API server sits behind one
	TLSServerName string // name to verify instead of the URL's host, or empty
	CA            []byte // PEM bundle; nil for the system's roots
	Insecure      bool   // the certificate is not verified
	ProxyURL      string // may hold credentials of the proxy
}

// Loopback says whether the server's address means something only on this
// machine, so that no other cluster can use it.
func (e Endpoint) Loopback() bool {
	u, err := url.Parse(e.Server)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified())
}
