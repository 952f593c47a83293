// Package legacy knows what Istio 1.4 wrote and today's Istio does not read: one
// table says of each setting what became of it, and is applied to a spec with its
// positions. Two values are understood as they are: values.global.mtls.enabled
// and values.security.selfSigned.
package legacy
