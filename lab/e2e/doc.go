// Package e2e holds the end-to-end tests: the setup-mesh binary against real control planes with real istiods.
//
// There is no data plane in a [lab.Lab]. What istiods say of each other, what they would tell an Envoy, and the
// certificates that they sign are the evidence.
package e2e
