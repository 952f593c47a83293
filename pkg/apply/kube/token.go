package kube

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Token mints a token of a service account that lives as long as the bound
// object does, and ttl at most (at least 10 minutes). It returns the token and the
// moment at which it ends, which may be earlier than asked for: an API server with
// --service-account-max-token-expiration, as those of EKS (24 h) and GKE (48 h),
// shortens it, and its status says to when.
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
	kind, err := c.resource(ctx, op, bound)
	if err != nil {
		return certs.Secret{}, time.Time{}, err
	}
	request, err := json.Marshal(map[string]any{
		"apiVersion": "authentication.k8s.io/v1",
		"kind":       "TokenRequest",
		"spec": map[string]any{
			"expirationSeconds": int64(ttl / time.Second),
			"boundObjectRef": map[string]any{
				"apiVersion": schema.GroupVersion{Group: bound.Group, Version: kind.Version}.String(),
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
	ends := tokenEnd(answer.Status.Token, answer.Status.ExpirationTimestamp)
	if ends.IsZero() {
		return fault("the answer does not say when the token ends")
	}
	return certs.NewSecret([]byte(answer.Status.Token)), ends, nil
}

// tokenEnd is when a token ends: at the time that the server told or, if that is
// earlier or the server told none, at the token's own. It is zero if neither is
// known.
//
// https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
func tokenEnd(token string, told time.Time) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return told
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return told
	}
	var claims struct {
		Expires float64 `json:"exp"` // seconds, perhaps with a fraction
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Expires <= 0 {
		return told
	}
	own := time.Unix(int64(claims.Expires), 0).UTC()
	if told.IsZero() || own.Before(told) {
		return own
	}
	return told
}
