package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// settle creates the node and the viewer's rights, and waits until controllers and KWOK have done their first work.
func (c *Cluster) settle(ctx context.Context) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: c.spec.nodeName(), Labels: map[string]string{
			"kubernetes.io/hostname": c.spec.nodeName(), "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"topology.kubernetes.io/region": c.spec.Name, "topology.kubernetes.io/zone": c.spec.Name + "-a",
		}},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: c.spec.nodeIP()},
			{Type: corev1.NodeHostName, Address: c.spec.nodeName()},
			{Type: corev1.NodeExternalIP, Address: c.spec.externalNodeIP()},
		}},
	}
	if _, err := c.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Node %s: %w", node.Name, err)
	}
	viewer := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "lab-viewer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "lab-viewers"}},
	}
	if _, err := c.client.RbacV1().ClusterRoleBindings().Create(ctx, viewer, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create ClusterRoleBinding %s: %w", viewer.Name, err)
	}
	for name, check := range map[string]func(context.Context) error{
		"kwok": c.nodeReady, "kube-controller-manager": c.controllersReady,
	} {
		if err := c.process(name).Until(ctx, 50*time.Millisecond, check); err != nil {
			return err
		}
	}
	return nil
}

// freeNodes lets the next KWOK take the nodes at once: it waits until the lease of one that has died runs out, and no pod
// gets an address meanwhile.
func (c *Cluster) freeNodes(ctx context.Context) error {
	if err := c.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("delete the leases of nodes: %w", err)
	}
	return nil
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, c.spec.nodeName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, t := range node.Spec.Taints {
		if t.Effect == corev1.TaintEffectNoSchedule {
			return fmt.Errorf("node %s has taint %s", node.Name, t.Key)
		}
	}
	for _, cond := range node.Status.Conditions {
		if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", node.Name)
}

// controllersReady asks for what pods of namespace default need.
func (c *Cluster) controllersReady(ctx context.Context) error {
	_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
	if err == nil {
		_, err = c.client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
	}
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("not created yet: %w", err)
	}
	return err
}
