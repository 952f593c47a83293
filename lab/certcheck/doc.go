// Package certcheck holds what pkg/certs says of a bundle of certificates against
// what Istio's own code makes of it, and, where it was built, against the library
// that Envoy verifies with. It has tests only, in a module of its own: the product
// must not come to depend on Istio's security packages.
package certcheck
