// Package image tells images of a release from those that change: what is planned
// today has to be the same image tomorrow.
package image

import "strings"

// Floating says whether a tag names another image from day to day, as latest,
// latest-distroless and testing do.
func Floating(tag string) bool {
	return strings.HasPrefix(tag, "latest") || tag == "testing"
}

// Development says whether a repository is one of those that Istio's daily builds
// go to, such as registry.istio.io/testing and gcr.io/istio-testing.
func Development(repository string) bool {
	for part := range strings.SplitSeq(repository, "/") {
		if part == "testing" || part == "istio-testing" {
			return true
		}
	}
	return false
}
