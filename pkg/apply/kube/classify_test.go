package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// answer is the error that client-go makes of an API server's Status.
func answer(t *testing.T, status string) error {
	t.Helper()
	var s metav1.Status
	if err := json.Unmarshal([]byte(status), &s); err != nil {
		t.Fatal(err)
	}
	return &apierrors.StatusError{ErrStatus: s}
}

func noAnswer(err error, attempts int) error {
	return &url.Error{Op: "Get", URL: "https://x", Err: &transport.Failure{Err: err, Attempts: attempts}}
}

// The statuses are those of kube-apiserver 1.36.
func TestFailed(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	deployment := object.Ref{Group: "apps", Kind: "Deployment", Namespace: "istio-system", Name: "istiod"}
	secret := object.Ref{Kind: "Secret", Namespace: "istio-system", Name: "cacerts"}
	tests := map[string]struct {
		ref  object.Ref
		err  error
		want object.Error // without Context, Op, Ref and Err
	}{
		"refused permission": {
			ref:  secret,
			err:  answer(t, `{"code":403,"reason":"Forbidden","message":"secrets \"cacerts\" is forbidden: User \"weak\" cannot get resource \"secrets\" in API group \"\" in the namespace \"istio-system\"","details":{"name":"cacerts","kind":"secrets"}}`),
			want: object.Error{Class: object.Forbidden, Message: `secrets "cacerts" is forbidden: User "weak" cannot get resource "secrets" in API group "" in the namespace "istio-system"`},
		},
		"bad token": {
			err:  answer(t, `{"code":401,"reason":"Unauthorized","message":"Unauthorized"}`),
			want: object.Error{Class: object.Unauthorized, Message: "the API server rejected the credentials", Hint: "log in again for context east"},
		},
		"absent": {
			err:  answer(t, `{"code":404,"reason":"NotFound","message":"secrets \"cacerts\" not found","details":{"name":"cacerts","kind":"secrets"}}`),
			want: object.Error{Class: object.NotFound, Message: `secrets "cacerts" not found`},
		},
		"a proxy's 404": {
			err:  answer(t, `{"code":404,"reason":"NotFound","message":"the server could not find the requested resource","details":{"causes":[{"reason":"UnexpectedServerResponse","message":"<html>login</html>"}]}}`),
			want: object.Error{Class: object.ServerFault, Message: "the server answered 404 Not Found: not a Kubernetes API"},
		},
		"other managers": {
			ref:  deployment,
			err:  answer(t, `{"code":409,"reason":"Conflict","message":"Apply failed with 2 conflicts","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl-client-side-apply\" using apps/v1 at 2026-05-04T12:00:00Z","field":".spec.replicas"},{"reason":"FieldManagerConflict","message":"conflict with \"helm\" with subresource \"scale\" using apps/v1","field":".spec.replicas"}]}}`),
			want: object.Error{Class: object.Conflict, Message: `managed by "helm", "kubectl-client-side-apply": .spec.replicas`, Hint: "another tool manages these fields"},
		},
		"another UID": {
			err:  answer(t, `{"code":409,"reason":"Conflict","message":"Operation cannot be fulfilled on configmaps \"a\": the UID in the precondition (x) does not match the UID in record (y). The object might have been deleted and then recreated","details":{"name":"a","kind":"configmaps"}}`),
			want: object.Error{Class: object.Conflict, Message: `Operation cannot be fulfilled on configmaps "a": the UID in the precondition (x) does not match the UID in record (y). The object might have been deleted and then recreated`},
		},
		"a webhook that is down": {
			err:  answer(t, `{"code":500,"reason":"InternalError","message":"Internal error occurred: failed calling webhook \"rev.validation.istio.io\": failed to call webhook: Post \"https://istiod.istio-system.svc:443/validate?timeout=10s\": dial tcp 10.0.0.1:15017: connect: connection refused"}`),
			want: object.Error{Class: object.Webhook, Webhook: "rev.validation.istio.io", Message: `Internal error occurred: failed calling webhook "rev.validation.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:15017: connect: connection refused`},
		},
		"a webhook that says no": {
			err:  answer(t, `{"code":400,"reason":"BadRequest","message":"admission webhook \"rev.validation.istio.io\" denied the request: configuration is invalid: gateway must have at least one server"}`),
			want: object.Error{Class: object.Denied, Webhook: "rev.validation.istio.io", Message: `admission webhook "rev.validation.istio.io" denied the request: configuration is invalid: gateway must have at least one server`},
		},
		"a namespace on its way out": {
			err:  answer(t, `{"code":403,"reason":"Forbidden","message":"configmaps \"a\" is forbidden: unable to create new content in namespace x because it is being terminated","details":{"causes":[{"reason":"NamespaceTerminating","message":"namespace x is being terminated","field":"metadata.namespace"}]}}`),
			want: object.Error{Class: object.Terminating, Message: `configmaps "a" is forbidden: unable to create new content in namespace x because it is being terminated`, Hint: "wait until the namespace is gone, or look for the finalizers that hold it"},
		},
		"invalid": {
			ref:  deployment,
			err:  answer(t, `{"code":422,"reason":"Invalid","message":"Deployment.apps \"istiod\" is invalid: spec.selector: Invalid value: {}: field is immutable","details":{"causes":[{"reason":"FieldValueInvalid","message":"field is immutable","field":"spec.selector"}]}}`),
			want: object.Error{Class: object.Invalid, Fields: []string{"spec.selector"}, Message: `Deployment.apps "istiod" is invalid: spec.selector: Invalid value: {}: field is immutable`},
		},
		"an invalid secret": {
			ref:  secret,
			err:  answer(t, `{"code":500,"message":"failed to create typed patch object (istio-system/cacerts; /v1, Kind=Secret): .data.ca-key.pem: expected string, got &value.valueUnstructured{Value:map[string]interface {}{\"canary\":\"b\"}}"}`),
			want: object.Error{Class: object.Invalid, Fields: []string{"data.ca-key.pem"}, Message: "the API server rejected the object: data.ca-key.pem"},
		},
		"hostile text": {
			err:  answer(t, `{"code":503,"reason":"ServiceUnavailable","message":"\u001b[2J\u202egone\r\n eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- end"}`),
			want: object.Error{Class: object.ServerFault, Message: `\x1b[2J\u202egone [redacted] [redacted] end`},
		},
		"endless text": {
			err:  answer(t, `{"code":503,"message":"`+strings.Repeat("x", 100000)+`"}`),
			want: object.Error{Class: object.ServerFault, Message: strings.Repeat("x", plain.MaxText) + "..."},
		},
		"nobody listens": {
			err:  noAnswer(refused, 3),
			want: object.Error{Class: object.Unreachable, Message: "connection refused (3 attempts)", Hint: "is the API server https://east:6443 up, and reachable from here?"},
		},
		"no such host": {
			err:  noAnswer(&net.DNSError{Name: "api.\x1b[0m", Err: "no such host", IsNotFound: true}, 1),
			want: object.Error{Class: object.Unreachable, Message: `cannot resolve api.\x1b[0m`, Hint: "is the API server https://east:6443 up, and reachable from here?"},
		},
		"a broken connection": {
			err:  noAnswer(io.ErrUnexpectedEOF, 10),
			want: object.Error{Class: object.Unreachable, Message: "the connection was closed before an answer came (10 attempts)", Hint: "is the API server https://east:6443 up, and reachable from here?"},
		},
		"a connection that was reset": {
			err:  noAnswer(&net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{Port: 39745}, Err: syscall.ECONNRESET}, 3),
			want: object.Error{Class: object.Unreachable, Message: "the connection was closed before an answer came (3 attempts)", Hint: "is the API server https://east:6443 up, and reachable from here?"},
		},
		"another certificate authority": {
			err:  noAnswer(x509.UnknownAuthorityError{}, 1),
			want: object.Error{Class: object.Untrusted, Message: "x509: certificate signed by unknown authority", Hint: "does the kubeconfig hold the certificate authority of https://east:6443?"},
		},
		"a certificate of another name": {
			err:  noAnswer(&tls.CertificateVerificationError{Err: x509.HostnameError{Host: "east", Certificate: &x509.Certificate{DNSNames: []string{"api"}}}}, 1),
			want: object.Error{Class: object.Untrusted, Message: "tls: failed to verify certificate: x509: certificate is valid for api, not east", Hint: "if the address is right, set tls-server-name in the kubeconfig to a name in the certificate"},
		},
		"a certificate that has expired": {
			err:  noAnswer(&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time 2027 is after 2026"}}, 1),
			want: object.Error{Class: object.Untrusted, Message: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2027 is after 2026", Hint: "renew the API server's certificate, or correct the clock of this machine"},
		},
		"no login plugin": {
			err:  noAnswer(&login.Error{Plugin: "kubelogin", Text: "is not installed, or not in PATH"}, 1),
			want: object.Error{Class: object.Unauthorized, Message: `login plugin "kubelogin" is not installed, or not in PATH`, Hint: `log in for context east: kubectl --context "east" get namespaces runs the same plugin and shows what it says`},
		},
		"a slow server": {
			err:  noAnswer(fmt.Errorf("no answer within 30s: %w", context.DeadlineExceeded), 1),
			want: object.Error{Class: object.Timeout, Message: "no answer within 30s", Hint: "is the API server overloaded, or does a firewall drop packets on the way to it?"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &Cluster{context: "east", endpoint: object.Endpoint{Server: "https://east:6443"}}
			err := c.failed(t.Context(), "read", tt.ref, tt.err)
			got, ok := errors.AsType[*object.Error](err)
			if !ok {
				t.Fatalf("got %T", err)
			}
			tt.want.Context, tt.want.Op, tt.want.Ref = "east", "read", tt.ref
			if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(object.Error{}, "Err")); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			if errors.Is(err, object.ErrNotFound) != (tt.want.Class == object.NotFound) {
				t.Errorf("%v: absence is claimed or missed", err)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	tests := map[string]*object.Error{
		`read Secret istio-system/cacerts in "east": forbidden`: {Op: "read", Ref: object.Ref{Kind: "Secret", Namespace: "istio-system", Name: "cacerts"}, Context: "east", Message: "forbidden"},
		`list Secret istio-system/* in "east": forbidden`:       {Op: "list", Ref: object.Ref{Kind: "Secret", Namespace: "istio-system"}, Context: "east", Message: "forbidden"},
		`list ClusterRole in "east": forbidden`:                 {Op: "list", Ref: object.Ref{Kind: "ClusterRole"}, Context: "east", Message: "forbidden"},
		`load: no context in []`:                                {Op: "load", Message: "no context in []"},
	}
	for want, e := range tests {
		if got := e.Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b]0;title\x07 \u202e\u2028 -----BEGIN RSA PRIVATE KEY-----\nx")
	f.Add("Bearer eyJhbGciOiJSUzI1NiJ9.e30.x \xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		got := plain.Clean(s)
		if len(got) > plain.MaxText+16 {
			t.Errorf("%d bytes", len(got))
		}
		for _, r := range got {
			if r != ' ' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x2028 || r == 0xfeff) {
				t.Errorf("%q holds %U", got, r)
			}
		}
	})
}
