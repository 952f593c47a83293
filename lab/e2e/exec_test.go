package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// exec runs a command in a container as kubectl exec does, and returns what it printed and its exit code.
func (c *cluster) exec(ctx context.Context, namespace, pod, container string, command ...string) (stdout, stderr string, code int, err error) {
	url := c.kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	e, err := remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
	if err != nil {
		return "", "", 0, err
	}
	var out, errOut bytes.Buffer
	err = e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut})
	if exit, ok := errors.AsType[utilexec.CodeExitError](err); ok {
		return out.String(), errOut.String(), exit.Code, nil
	}
	if err != nil {
		return "", "", 0, fmt.Errorf("%s: %s in pod %s/%s: %w", c.context, strings.Join(command, " "), namespace, pod, err)
	}
	return out.String(), errOut.String(), 0, nil
}

// onePod is the only pod with these labels that is not about to go, once it runs.
func (c *cluster) onePod(ctx context.Context, namespace, labels string) (*corev1.Pod, error) {
	pods, err := c.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return nil, err
	}
	var running []corev1.Pod
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			running = append(running, p)
		}
	}
	if len(running) != 1 {
		return nil, fmt.Errorf("%s: %d pods with %s in %s run, not 1", c.context, len(running), labels, namespace)
	}
	return &running[0], nil
}
