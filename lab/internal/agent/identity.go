package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	ca "istio.io/api/security/v1alpha1"
)

// lifetime is what istio-agent asks for (SECRET_TTL).
// https://github.com/istio/istio/blob/1.31.0/pkg/istio-agent/config.go
const lifetime = 24 * time.Hour

// An Identity is a workload's certificate, and the roots that come with it.
type Identity struct {
	Certificate tls.Certificate // with Leaf
	Root        []byte          // PEM, of one or more
	Cluster     string          // that the proxy is in
}

// renewal is when istio-agent asks for another certificate: half a lifetime before this one ends.
func (i Identity) renewal() time.Time {
	leaf := i.Certificate.Leaf
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 2)
}

// sign asks an istiod for a certificate as istio-agent does: a CSR with the SPIFFE identity, and a token of the service
// account that says whose it is.
// https://github.com/istio/istio/blob/1.31.0/security/pkg/nodeagent/caclient/providers/citadel/client.go
func sign(ctx context.Context, conn *grpc.ClientConn, spiffe *url.URL, cluster, token string) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("make a key: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{spiffe}}, key)
	if err != nil {
		return Identity{}, fmt.Errorf("make a certificate request: %w", err)
	}
	answer, err := ca.NewIstioCertificateServiceClient(conn).CreateCertificate(
		metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "clusterid", cluster),
		&ca.IstioCertificateRequest{
			Csr:              string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})),
			ValidityDuration: int64(lifetime / time.Second),
		})
	if err != nil {
		return Identity{}, fmt.Errorf("ask istiod for a certificate: %w", err)
	}
	i := Identity{Certificate: tls.Certificate{PrivateKey: key}, Cluster: cluster}
	if len(answer.CertChain) < 2 {
		return Identity{}, fmt.Errorf("ask istiod for a certificate: it answers with %d, and not with a chain", len(answer.CertChain))
	}
	// The last is root-cert.pem as it is, and part of what proxies show.
	i.Root = []byte(answer.CertChain[len(answer.CertChain)-1])
	for rest := []byte(strings.Join(answer.CertChain, "\n")); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		i.Certificate.Certificate = append(i.Certificate.Certificate, block.Bytes)
	}
	if i.Certificate.Leaf, err = x509.ParseCertificate(i.Certificate.Certificate[0]); err != nil {
		return Identity{}, fmt.Errorf("parse the certificate of istiod's: %w", err)
	}
	return i, nil
}
