package kube

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A decoding is the leave to decode a list. As many lists are decoded at once as
// there are processors, whatever number of clusters answer at the same time: objects
// take several times the room of their JSON, and what is made of them far less.
type decoding chan struct{}

func newDecoding() decoding { return make(decoding, runtime.GOMAXPROCS(0)) }

// A listPage is some objects of a list, and how to ask for those after them.
type listPage struct {
	items []unstructured.Unstructured
	next  string // "" for the last one
}

// page asks for a page of what is at r. Each object is decoded once, which the
// dynamic client does three times.
func (c *Cluster) page(ctx context.Context, r resources, opts metav1.ListOptions) (listPage, error) {
	request := c.rest.Get().AbsPath(r.path...)
	if opts.Limit > 0 {
		request.Param("limit", strconv.FormatInt(opts.Limit, 10))
	}
	if opts.LabelSelector != "" {
		request.Param("labelSelector", opts.LabelSelector)
	}
	if opts.Continue != "" {
		request.Param("continue", opts.Continue)
	}
	body, err := send(ctx, request)
	if err != nil {
		return listPage{}, err
	}
	c.decoding <- struct{}{}
	defer func() { <-c.decoding }()
	return decodePage(body)
}

// errNoList is what is wrong with an answer that is not a list. Its content is
// not told.
var errNoList = errors.New("the answer is not a list of objects")

// items are the objects of a list, which may be null. An answer that does not speak
// of any tells nothing, and least of all that there is none.
type items struct {
	told bool
	all  []json.RawMessage
}

func (i *items) UnmarshalJSON(b []byte) error {
	i.told = true
	return kjson.UnmarshalCaseSensitivePreserveInts(b, &i.all)
}

// decodePage reads a list. The objects in one of a built-in kind have no kind of
// their own:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#collections
func decodePage(body []byte) (listPage, error) {
	var list struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   metav1.ListMeta `json:"metadata"`
		Items      items           `json:"items"`
	}
	err := kjson.UnmarshalCaseSensitivePreserveInts(body, &list)
	if err != nil || !strings.HasSuffix(list.Kind, "List") || !list.Items.told {
		return listPage{}, errNoList
	}
	out := listPage{items: make([]unstructured.Unstructured, len(list.Items.all)), next: list.Metadata.Continue}
	for i, item := range list.Items.all {
		o := &out.items[i]
		if err := kjson.UnmarshalCaseSensitivePreserveInts(item, &o.Object); err != nil || o.Object == nil {
			return listPage{}, errNoList
		}
		if kind := strings.TrimSuffix(list.Kind, "List"); o.GetKind() == "" && kind != "" {
			o.SetKind(kind)
			o.SetAPIVersion(list.APIVersion)
		}
		if i > 0 { // who manages which fields, above all: it takes more room than these
			o.Object = object.Share(out.items[i-1].Object, o.Object)
		}
	}
	return out, nil
}
