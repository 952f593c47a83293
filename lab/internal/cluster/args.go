package cluster

import (
	"fmt"
	"strings"
)

func (c *Cluster) etcd() []string {
	client, peer := loopback("http", c.ports.etcd), loopback("http", c.ports.etcdPeer)
	return []string{
		"--data-dir=" + c.spec.dir("etcd"), "--unsafe-no-fsync", "--log-level=warn", "--name=lab",
		"--heartbeat-interval=10", "--election-timeout=100", // ms: a single member need not wait a second for others
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=lab=" + peer,
	}
}

func (c *Cluster) apiServer() []string {
	f := c.files
	var tokens []string
	if c.spec.ShortTokens {
		tokens = []string{"--service-account-max-token-expiration=24h"}
	}
	return append(tokens,
		"--etcd-servers="+loopback("http", c.ports.etcd),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.api),
		// The address is nobody's: endpoints of Service kubernetes are not wanted, as pods could not reach them.
		fmt.Sprintf("--advertise-address=10.255.0.%d", c.spec.Index), "--endpoint-reconciler-type=none",
		// dial the endpoints of webhooks' Services, not their ClusterIPs
		fmt.Sprintf("--enable-aggregator-routing=%v", !c.spec.NoAggregatorRouting),
		"--egress-selector-config-file="+f.egress,
		"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority="+f.ca,
		"--kubelet-client-certificate="+f.server.Cert, "--kubelet-client-key="+f.server.Key,
		"--service-cluster-ip-range="+c.spec.serviceCIDR(),
		"--authorization-mode=RBAC,Node", "--token-auth-file="+f.tokens,
		"--tls-cert-file="+f.server.Cert, "--tls-private-key-file="+f.server.Key, "--cert-dir="+c.spec.Dir,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+f.saKey, "--service-account-signing-key-file="+f.saKey,
		"--allow-privileged=true", "--profiling=false",
	)
}

// controllers leaves out what has no meaning here: storage, certificates for kubelets, quotas, clouds.
var controllers = strings.Join([]string{
	"clusterrole-aggregation-controller", "cronjob-controller", "daemonset-controller", "deployment-controller",
	"disruption-controller", "endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller",
	"garbage-collector-controller", "job-controller", "namespace-controller", "node-ipam-controller",
	"node-lifecycle-controller", "pod-garbage-collector-controller", "replicaset-controller",
	"root-ca-certificate-publisher-controller", "serviceaccount-controller", "serviceaccount-token-controller",
	"statefulset-controller", "taint-eviction-controller",
}, ",")

func (c *Cluster) controllerManager() []string {
	return []string{
		"--kubeconfig=" + c.files.managerConfig, "--leader-elect=false", "--secure-port=0",
		"--use-service-account-credentials", "--service-account-private-key-file=" + c.files.saKey,
		"--root-ca-file=" + c.files.ca, "--allocate-node-cidrs", "--cluster-cidr=" + c.spec.clusterCIDR(),
		"--service-cluster-ip-range=" + c.spec.serviceCIDR(), "--controllers=" + controllers,
		"--kube-api-qps=500", "--kube-api-burst=1000", "--profiling=false",
	}
}

func (c *Cluster) scheduler() []string {
	return []string{
		"--kubeconfig=" + c.files.schedConfig, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=500", "--kube-api-burst=1000",
	}
}

func (c *Cluster) kwok() []string {
	return []string{
		"--kubeconfig=" + c.files.adminConfig, "--config=" + c.files.stages, "--manage-all-nodes",
		"--cidr=" + c.spec.kwokCIDR(), "--node-ip=" + c.spec.nodeIP(),
		"--node-port=0", // no server: the lab answers for the kubelet
		"--node-lease-duration-seconds=40",
	}
}

func loopback(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }
