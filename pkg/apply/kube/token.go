package kube

import (
	"context"
	"encoding/json"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Token mints a token of a service account that lives as long as the bound
// object does, and ttl at most (at least 10 minutes; the server may shorten
// it). It returns the token and the moment at which the server says it ends.
// A service account or a bound object that is absent is an error of class
// [object.NotFound], another UID one of class [object.Conflict].
//
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
func (c *Cluster) Token(ctx context.Context, namespace, serviceAccount string, bound object.Ref, boundUID string, ttl time.Duration) (certs.Secret, time.Time, error) {
	ref := object.Ref{Kind: "ServiceAccount", Namespace: namespace, Name: serviceAccount}
	const op = "request a token of"
	fault := func(message string) (certs.Secret, time.Time, error) {
		return certs.Secret{}, time.Time{}, &object.Error{Class: object.ServerFault, Context: c.context, Op: op, Ref: ref, Message: message}
	}
	apiVersion := "v1" // of Secrets and Pods; nothing else can be bound to
	request, err := json.Marshal(map[string]any{
		"apiVersion": "authentication.k8s.io/v1",
		"kind":       "TokenRequest",
		"spec": map[string]any{
			"expirationSeconds": int64(ttl / time.Second),
			"boundObjectRef": map[string]any{
				"apiVersion": apiVersion,
				"kind":       bound.Kind, "name": bound.Name, "uid": boundUID,
			},
		},
	})
	if err != nil {
		return fault("cannot be encoded")
	}
	body, err := send(ctx, c.rest.Post().
		AbsPath("api", "v1", "namespaces", namespace, "serviceaccounts", serviceAccount, "token").
		SetHeader("Content-Type", "application/json").
		Body(request))
	if err != nil {
		return certs.Secret{}, time.Time{}, c.failed(ctx, op, ref, err)
	}
	var answer struct {
		Status struct {
			Token               string    `json:"token"`
			ExpirationTimestamp time.Time `json:"expirationTimestamp"`
		} `json:"status"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status.Token == "" {
		return fault("the answer holds no token")
	}
	return certs.NewSecret([]byte(answer.Status.Token)), answer.Status.ExpirationTimestamp, nil
}
