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
			c.add("spec."+strings.Join(path, "."), "is empty; leave it out for the release's own")
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
		c.add(path, "%q holds development builds, not releases; Istio's releases are at %s", s, Hub)
	case key == "tag" && image.Floating(s):
		c.add(path, "%q changes over time; name a release, such as %s", s, Release)
	case key == "tag" && otherRelease(s):
		c.advise(path, "take it out, and keep hub if it is a mirror", "images of %s do not go with the charts of %s", s, Release)
	case key == "image":
		repository, tag, _ := cutTag(s)
		if image.Development(repository) || image.Floating(tag) {
			c.add(path, "%q is not an image of a release", s)
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
