package check

// A Question is what a cluster is asked for some checks only.
type Question string

// The questions.
const (
	AskPermissions Question = "what the user of the context may do"
	AskRanges      Question = "the ranges of addresses of pods and of Services"
	AskDeployments Question = "the Deployments of istiods in all namespaces"
	AskNodes       Question = "the addresses of nodes"
	AskNamespaces  Question = "the namespaces in which objects have to be created"
	AskIstiods     Question = "every istiod, for the clusters that it reads"
	AskCredentials Question = "the API servers of other clusters, with the stored credentials"
	AskRoot        Question = "the root certificate that proxies are given"
	AskInjection   Question = "a dry run of a pod in the Istio namespace"
	AskValidation  Question = "a dry run of an invalid Gateway in the Istio namespace"
	AskGateways    Question = "every istiod, for the gateways of networks that it knows"
	AskProxies     Question = "every istiod, for the proxies that are connected to it"
	AskTunnels     Question = "every istiod, for what it tells node proxies"
	AskSample      Question = "the pods and the certificates of a sample of the proxies"
	AskPods        Question = "the pods of the Istio namespace"
	AskEvents      Question = "the events of a gateway's Service that has no address"
	AskReach       Question = "the addresses of the gateway, by TCP and TLS from here"
	AskClock       Question = "the time, in the answers to everything else"
	AskRoots       Question = "the root certificates in all namespaces whose pods are injected"
	AskEnrolled    Question = "the namespaces and the pods that are enrolled in an ambient mesh"
	AskCandidates  Question = "the Gateways in all namespaces"
	AskScopes      Question = "the labels of all namespaces, and the Gateways that are waypoints"
	AskServices    Question = "the Services in all namespaces"
)
