package args

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Verify is the command line of verify.
type Verify struct {
	Dir        string
	Kubeconfig string
	Format     Format
	Namespace  string
	Labels     map[string]string // of the namespace
	Registry   string
	Images     map[string]string // in place of the registry's, by what they are for
	PullSecret string            // NAMESPACE/NAME, "" for none
	Sidecars   bool              // not ambient pods, in a mesh that has both
	Keep       bool
	Clean      bool      // only take out what is left
	Service    [2]string // namespace and name of one to ask about, instead of calling
	Settle     time.Duration
	Timeout    time.Duration
}

// Flags fill a.
func (a *Verify) Flags() []cli.Flag {
	return []cli.Flag{
		dirFlag(&a.Dir),
		kubeconfigFlag(&a.Kubeconfig),
		formatFlag(&a.Format, Text, JSON),
		&cli.StringFlag{Name: "namespace", Destination: &a.Namespace, Value: "setup-mesh-verify", Usage: "put helloworld and the client into `NAMESPACE`, which is made for it"},
		&cli.StringSliceFlag{Name: "namespace-label", Usage: "also label the namespace with `KEY=VALUE`, for what discoverySelectors ask for; may be repeated",
			Action: func(_ *cli.Context, labels []string) (err error) { a.Labels, err = labelsOf(labels); return err }},
		&cli.StringFlag{Name: "registry", Destination: &a.Registry, Value: "docker.io", Usage: "`REGISTRY` of the images istio/examples-helloworld-v1 and -v2:1.0, and curlimages/curl:8.16.0"},
		&cli.StringSliceFlag{Name: "image", Usage: "pull `NAME=IMAGE` in place of the one of --registry, where NAME is " + words(verifyImages(), "or") + "; may be repeated",
			Action: func(_ *cli.Context, images []string) (err error) { a.Images, err = imagesOf(images); return err }},
		&cli.StringFlag{Name: "pull-secret", Usage: "copy the Secret `NAMESPACE/NAME` of each cluster, and pull the images with it",
			Action: func(_ *cli.Context, name string) (err error) { a.PullSecret, err = secretName(name); return err }},
		&cli.BoolFlag{Name: "sidecars", Destination: &a.Sidecars, Usage: "in a mesh that has sidecars and ambient pods, put in pods with sidecars"},
		&cli.BoolFlag{Name: "keep", Destination: &a.Keep, Usage: "leave everything where it is, to look at it"},
		&cli.BoolFlag{Name: "clean", Destination: &a.Clean, Usage: "only take out what an earlier verify has left"},
		&cli.StringFlag{Name: "service", Usage: "put nothing in: ask a proxy in each cluster (in an ambient mesh, an istiod) at which addresses it finds the service `NAMESPACE/NAME`",
			Action: func(_ *cli.Context, name string) (err error) { a.Service, err = serviceName(name); return err }},
		&cli.DurationFlag{Name: "settle", Destination: &a.Settle, Value: time.Minute, Usage: "keep calling for up to `TIME`, until all is as topology.yaml says"},
		timeoutFlag(&a.Timeout, 3*time.Minute, "give up waiting for pods after `TIME`, and for the namespaces to be gone after the same time"),
	}
}

func labelsOf(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range pairs {
		k, v, ok := strings.Cut(pair, "=")
		if wrong := append(validation.IsQualifiedName(k), validation.IsValidLabelValue(v)...); !ok || len(wrong) > 0 {
			return nil, &Error{fmt.Errorf("--namespace-label: %q is not a label", pair), "such as istio-discovery=enabled"}
		}
		out[k] = v
	}
	return out, nil
}

// verifyImages are what the images of a verification are for.
func verifyImages() []string { return []string{"helloworld-v1", "helloworld-v2", "client"} }

func imagesOf(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range pairs {
		name, image, _ := strings.Cut(pair, "=")
		if image == "" || strings.ContainsAny(image, " \t") {
			return nil, &Error{fmt.Errorf("--image: %q does not name an image", pair), "such as client=registry.example.com/tools/curl:8.16.0"}
		}
		if !slices.Contains(verifyImages(), name) {
			return nil, &Error{fmt.Errorf("--image: there is no image for %q", name), "those of a verification are for " + words(verifyImages(), "and")}
		}
		out[name] = image
	}
	return out, nil
}

func secretName(s string) (string, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return "", &Error{fmt.Errorf("--pull-secret: %q does not name a Secret", s), "write NAMESPACE/NAME"}
	}
	return s, nil
}

func serviceName(s string) ([2]string, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1035Label(name)) > 0 {
		return [2]string{}, &Error{fmt.Errorf("--service: %q does not name a Service", s), "write NAMESPACE/NAME"}
	}
	return [2]string{namespace, name}, nil
}

// Check says what no verify could do.
func (a *Verify) Check() error {
	if len(validation.IsDNS1123Label(a.Namespace)) > 0 {
		return &Error{fmt.Errorf("--namespace: %q is not a valid name for a namespace", a.Namespace), "lower-case letters, digits and hyphens, 63 at most"}
	}
	if a.Keep && a.Clean {
		return &Error{fmt.Errorf("--keep and --clean exclude each other"), "leave one of them out"}
	}
	if a.Service[1] != "" && (a.Keep || a.Clean) {
		return &Error{fmt.Errorf("--service puts nothing in that could be kept or taken out"), "leave out --keep and --clean"}
	}
	return nil
}
