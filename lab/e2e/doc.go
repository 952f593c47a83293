// Package e2e holds the end-to-end tests: the setup-mesh binary against real control planes with real istiods.
//
// What istiods say of each other, what they tell proxies, and the certificates that they sign are the evidence, and requests
// between pods: there is no Envoy in a [lab.Lab], but what an istiod tells one is done.
package e2e
