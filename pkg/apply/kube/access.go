package kube

import (
	"context"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// reviewsAtOnce bounds the questions of [Cluster.Allowed] under way.
const reviewsAtOnce = 16

// Allowed asks for each access whether the user of the context has it, as far
// as the API server's authorizers know; admission may refuse all the same. The
// answers are in the order of accesses.
//
// https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
func (c *Cluster) Allowed(ctx context.Context, accesses []object.Access) ([]bool, error) {
	answers := make([]bool, len(accesses))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(reviewsAtOnce)
	for i, a := range accesses {
		g.Go(func() error {
			var answer struct {
				Status struct {
					Allowed bool `json:"allowed"`
				} `json:"status"`
			}
			err := c.review(ctx, "ask what the user may do", transport.AccessReviews, "authorization.k8s.io/v1", "SelfSubjectAccessReview", map[string]any{
				"resourceAttributes": map[string]any{
					"verb": a.Verb, "group": a.Group, "resource": a.Resource, "subresource": a.Subresource, "namespace": a.Namespace,
				},
			}, &answer)
			answers[i] = answer.Status.Allowed
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return answers, nil
}

// User is what the API server calls the user of the context. One before 1.28
// does not tell, which is an error.
func (c *Cluster) User(ctx context.Context) (string, error) {
	var answer struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	err := c.review(ctx, "ask who the user is", transport.SelfReviews, "authentication.k8s.io/v1", "SelfSubjectReview", nil, &answer)
	return answer.Status.UserInfo.Username, err
}

// review posts one of the reviews, which create no object.
func (c *Cluster) review(ctx context.Context, op, path, version, kind string, spec map[string]any, into any) error {
	question := map[string]any{"apiVersion": version, "kind": kind}
	if spec != nil {
		question["spec"] = spec
	}
	request, err := json.Marshal(question)
	if err != nil {
		return &object.Error{Class: object.Invalid, Context: c.context, Op: op, Message: "cannot be encoded"}
	}
	body, err := send(ctx, c.rest.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(request))
	if err != nil {
		return c.failed(ctx, op, object.Ref{}, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &object.Error{Class: object.ServerFault, Context: c.context, Op: op, Message: "the answer is not JSON"}
	}
	return nil
}
