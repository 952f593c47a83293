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
)
