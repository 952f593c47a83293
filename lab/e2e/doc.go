// Package e2e holds the end-to-end tests: the setup-mesh binary against real control planes with real istiods.
//
// The evidence is what istiods say of each other, what they tell proxies, the certificates that they sign, and requests between
// pods. There is no Envoy in a [lab.Lab]: it plays proxies by what istiods tell them.
package e2e
