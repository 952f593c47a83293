package charts

import "strings"

// chartVersion is what the charts in the module call themselves: Istio's
// release build replaces it, a Go module does not.
const chartVersion = "1.0.0"

// release makes the standard labels name the release the charts are of, as
// those of a released istioctl do.
func release(objects []Object) {
	for _, o := range objects {
		for _, path := range [][]string{
			{"metadata", "labels"},
			{"spec", "template", "metadata", "labels"},
		} {
			labels, ok := lookup(o.Object, path...).(map[string]any)
			if !ok {
				continue
			}
			if labels["app.kubernetes.io/version"] == chartVersion {
				labels["app.kubernetes.io/version"] = Release
			}
			if chart, ok := labels["helm.sh/chart"].(string); ok {
				if name, ok := strings.CutSuffix(chart, "-"+chartVersion); ok {
					labels["helm.sh/chart"] = name + "-" + Release
				}
			}
		}
	}
}
