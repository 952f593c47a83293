package charts

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/image"
)

// images refuses images that are not of a release: a hub or a tag that moves,
// and none at all.
func (c *checker) images(spec map[string]any) {
	for _, path := range [][]string{{"hub"}, {"tag"}, {"values", "global", "hub"}, {"values", "global", "tag"}} {
		if lookup(spec, path...) == "" {
			c.advise("spec."+strings.Join(path, "."), "leave it out for the release's own", "is empty")
		}
	}
	for _, key := range []string{"hub", "tag"} {
		c.image("spec."+key, key, spec[key])
	}
	c.imagesIn("spec.components", spec["components"])
	c.imagesIn("spec.values", spec["values"])
}

func (c *checker) imagesIn(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.image(path+"."+key, key, v[key])
			c.imagesIn(path+"."+key, v[key])
		}
	case []any:
		for i, element := range v {
			c.imagesIn(itemPath(path, i, element), element)
		}
	}
}

func (c *checker) image(path, key string, v any) {
	s, ok := v.(string)
	if !ok {
		return
	}
	switch {
	case key == "hub" && image.Development(s):
		c.advise(path, "take it out: Istio's releases are at "+Hub, "%q holds development builds, not releases", s)
	case key == "tag" && image.Floating(s):
		c.advise(path, "take it out, or name a release, such as "+Release, "%q changes over time", s)
	case key == "tag" && otherRelease(s):
		c.advise(path, "take it out, and keep hub if it is a mirror", "images of %s do not go with the charts of %s", s, Release)
	case key == "image":
		repository, tag, _ := cutTag(s)
		if image.Development(repository) || image.Floating(tag) {
			c.advise(path, "take it out, or name one with the tag of a release, such as "+Release, "%q is not an image of a release", s)
		}
	}
}

// otherRelease says whether a tag is that of a release of another minor version than
// the charts'. A tag that is no version may be anything.
func otherRelease(tag string) bool {
	m := releaseTag.FindStringSubmatch(tag)
	return m != nil && m[1] != releaseTag.FindStringSubmatch(Release)[1]
}

var releaseTag = regexp.MustCompile(`^v?(\d+\.\d+)(?:\.\d+)?(?:[-_].*)?$`)

// cutTag splits an image reference; a colon before the last slash is a port.
func cutTag(image string) (repository, tag string, found bool) {
	slash := strings.LastIndex(image, "/")
	colon := strings.LastIndex(image, ":")
	if colon <= slash {
		return image, "", false
	}
	return image[:colon], image[colon+1:], true
}
