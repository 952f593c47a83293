package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	ca "istio.io/api/security/v1alpha1"
	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// workloadCertificate asks the istiod of a cluster to sign a certificate for a service account.
func workloadCertificate(t testing.TB, c *cluster, namespace, account string, root *x509.CertPool) tls.Certificate {
	t.Helper()
	return certificateBy(t, c, c.mustIstiod(t).Addresses.SecureXDS, "istiod.istio-system.svc", namespace, account, root)
}

// certificateBy asks the istiod at an address to sign a certificate for a service account of c, as a sidecar does when
// it starts. The istiod has to prove itself by the same root, and to know the cluster by its name.
func certificateBy(t testing.TB, c *cluster, at, istiod, namespace, account string, root *x509.CertPool) tls.Certificate {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token, err := c.kube.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, &authentication.TokenRequest{
		Spec: authentication.TokenRequestSpec{Audiences: []string{"istio-ca"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+at, grpc.WithNoProxy(),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: root, ServerName: istiod})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := ca.NewIstioCertificateServiceClient(conn).CreateCertificate(
		metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.Status.Token, "clusterid", nameOf(c.context)),
		&ca.IstioCertificateRequest{Csr: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), ValidityDuration: 3600})
	if err != nil {
		t.Fatalf("istiod of %s: %v", c.context, err)
	}
	cert := tls.Certificate{PrivateKey: key}
	for rest := []byte(strings.Join(answer.CertChain, "\n")); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert.Certificate = append(cert.Certificate, block.Bytes)
	}
	if len(cert.Certificate) < 2 {
		t.Fatalf("istiod of %s: a chain of %d certificates", c.context, len(cert.Certificate))
	}
	return cert
}

// handshake does mutual TLS between two workloads as sidecars do it: by the root and the SPIFFE identity, not by names
// of hosts. It returns whom the server saw.
func handshake(client, server tls.Certificate, root *x509.CertPool, wantServer string) (string, error) {
	clientEnd, serverEnd := net.Pipe()
	defer clientEnd.Close()
	defer serverEnd.Close()
	s := tls.Server(serverEnd, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: root})
	c := tls.Client(clientEnd, &tls.Config{
		Certificates: []tls.Certificate{client}, InsecureSkipVerify: true, // a SPIFFE certificate has no host name
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := verify(state.PeerCertificates, root, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			if got := spiffe(state.PeerCertificates[0]); got != wantServer {
				return fmt.Errorf("the server is %s", got)
			}
			return nil
		},
	})
	served := make(chan error, 1)
	go func() {
		_, err := io.WriteString(s, "hello")
		served <- err
	}()
	greeting := make([]byte, len("hello"))
	if _, err := io.ReadFull(c, greeting); err != nil {
		return "", err
	}
	if err := <-served; err != nil {
		return "", err
	}
	return spiffe(s.ConnectionState().PeerCertificates[0]), nil
}

func verify(chain []*x509.Certificate, root *x509.CertPool, usage x509.ExtKeyUsage) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: root, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func spiffe(c *x509.Certificate) string {
	if len(c.URIs) != 1 {
		return fmt.Sprintf("%d identities", len(c.URIs))
	}
	return c.URIs[0].String()
}

func parseCertificate(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
