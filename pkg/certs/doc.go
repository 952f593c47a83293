// Package certs makes and judges the certificates that let the clusters of one
// mesh trust each other: one root, kept by the operator, and below it one
// intermediate CA for each cluster, which Istio reads from the Secret cacerts.
//
// # Making
//
// [NewRoot] makes a root, [ParseRoot] reads one, also one made elsewhere, and
// [Root.Intermediate] mints the [Bundle] of a cluster. A bundle that Istio
// would not load, or below which workloads would not trust each other, is never
// returned: [Bundle.Verify] has signed a probe with it before.
//
// # Judging
//
// [ParseBundle] reads what a cluster has, [Bundle.Verify] says whether a mesh
// can live on it, and [Judge] says whether it is time for another.
//
// Verify asks as Envoy does (path.go, tier.go, constraints.go, revocation.go) and as
// istiod and the agents do (verify.go). lab/certcheck holds it against their code.
//
// # Secrets
//
// Private keys are of type [Secret], which cannot be printed or encoded. No
// error of this package quotes what a file holds, beyond the type of a PEM
// block and the names inside a certificate.
//
// The package does no I/O and reads no clock. Randomness is an argument for the
// sake of serial numbers; since Go 1.26 keys and signatures always come from
// the operating system's generator, whatever reader is passed
// (https://go.dev/doc/go1.26#cryptoecdsapkgcryptoecdsa).
package certs
