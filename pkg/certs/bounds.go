package certs

import "crypto/x509"

// A workload shows its certificate, the chain and the roots in one TLS message, of
// which BoringSSL reads 100 KiB (https://github.com/google/boringssl/blob/main/ssl/ssl_lib.cc,
// max_cert_list). What asks for certificates lists the names of its roots in
// 64 KiB (https://www.rfc-editor.org/rfc/rfc8446#section-4.2.4). Both leave room
// for what else is in the message.
const (
	maxShown = 90 << 10
	maxNames = 48 << 10
)

// fits says whether chain and roots are small enough for TLS.
func fits(chain, roots []*x509.Certificate) *InputError {
	shown, names := 0, 0
	for _, c := range chain {
		shown += len(c.Raw)
	}
	if shown > maxShown {
		return wrong(CertChainFile, "holds %d certificates of %d KiB, of which Envoy reads no more than %d KiB", len(chain), shown>>10, maxShown>>10).
			hinted("keep only the certificates between ca-cert.pem and the root")
	}
	for _, c := range roots {
		shown += len(c.Raw)
		names += 2 + len(c.RawSubject)
	}
	switch {
	case shown > maxShown:
		return wrong(RootCertFile, "holds %d certificates; with the chain they have %d KiB, of which Envoy reads no more than %d KiB", len(roots), shown>>10, maxShown>>10).
			hinted("keep only the roots of the mesh")
	case names > maxNames:
		return wrong(RootCertFile, "holds %d certificates with names of %d KiB, more than the %d KiB that a TLS server can list", len(roots), names>>10, maxNames>>10).
			hinted("keep only the roots of the mesh")
	}
	return nil
}
