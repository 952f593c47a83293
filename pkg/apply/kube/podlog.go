package kube

import (
	"context"
	"fmt"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// maxPodLog bounds what is read of a log, in bytes.
const maxPodLog = 8 << 20

// PodLog is [object.Asker.PodLog]. More than 8 MiB is cut off at the end.
func (c *Cluster) PodLog(ctx context.Context, namespace, pod string, of object.LogOptions) ([]byte, error) {
	r := c.rest.Get().AbsPath("/api/v1").Namespace(namespace).Resource("pods").Name(pod).SubResource("log").
		Param("container", of.Container).Param("tailLines", strconv.Itoa(of.Lines)).
		Param("previous", strconv.FormatBool(of.Previous)).Param("limitBytes", strconv.Itoa(maxPodLog))
	body, err := send(ctx, r)
	if err != nil {
		return nil, c.failed(ctx, fmt.Sprintf("read the log of container %s in", of.Container), object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}, err)
	}
	return body, nil
}
