package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// nativeAnnotation says whether the sidecar of a pod is an init container, whatever
// istiod would choose: https://istio.io/latest/docs/reference/config/annotations/
const nativeAnnotation = "sidecar.istio.io/nativeSidecar"

// inject returns pod as istiod would have it, or nil where istiod leaves it alone.
// Pods are said to be of owner, unless it is the pod itself.
func (i *Injector) inject(pod *corev1.Pod, owner metav1.OwnerReference, namespace string) (*corev1.Pod, error) {
	before, err := json.Marshal(i.asked(pod))
	if err != nil {
		return nil, err
	}
	patch, err := i.call(owned(i.asked(pod), owner), namespace)
	if err != nil || len(patch) == 0 {
		return nil, err
	}
	steps, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	after, err := steps.Apply(before)
	if err != nil {
		return nil, err
	}
	out := &corev1.Pod{}
	if err := json.Unmarshal(after, out); err != nil {
		return nil, err
	}
	if _, ok := pod.Annotations[nativeAnnotation]; !ok {
		delete(out.Annotations, nativeAnnotation)
	}
	return out, nil
}

// asked is a copy of pod that says itself what istiod finds out about nodes.
func (i *Injector) asked(pod *corev1.Pod) *corev1.Pod {
	out := pod.DeepCopy()
	if _, ok := out.Annotations[nativeAnnotation]; !ok {
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations[nativeAnnotation] = fmt.Sprint(i.native)
	}
	return out
}

// owned makes pod one that owner has made: istiod takes the name of the workload from
// there. What it changes does not touch that.
func owned(pod *corev1.Pod, owner metav1.OwnerReference) *corev1.Pod {
	if owner.Kind == "Pod" {
		return pod
	}
	controls := true
	owner.Controller = &controls
	pod.GenerateName, pod.OwnerReferences = owner.Name+"-", []metav1.OwnerReference{owner}
	return pod
}

// call is one call of the webhook.
func (i *Injector) call(pod *corev1.Pod, namespace string) (patch []byte, err error) {
	raw, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request:  &admissionv1.AdmissionRequest{Namespace: namespace, Object: runtime.RawExtension{Raw: raw}},
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost, i.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	w := &answer{header: http.Header{}}
	i.istiod.ServeHTTP(w, r)
	return w.patch()
}

// An answer is what a handler wrote.
type answer struct {
	bytes.Buffer
	header http.Header
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(int)     {}

func (a *answer) patch() ([]byte, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(a.Bytes(), &review); err != nil || review.Response == nil {
		return nil, errors.New("the injector does not answer: " + strings.TrimSpace(a.String()))
	}
	if s := review.Response.Result; s != nil && s.Message != "" {
		return nil, errors.New(oneLine(s.Message))
	}
	return review.Response.Patch, nil
}

// oneLine is a message of istiod without the frame of a list with one entry.
func oneLine(message string) string {
	message = strings.TrimPrefix(message, "failed to run injection template: ")
	return strings.TrimPrefix(strings.Join(strings.Fields(message), " "), "1 error occurred: * ")
}
