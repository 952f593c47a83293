package certs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIssued(t *testing.T) {
	r := newRoot(t, noon)
	req, err := r.Request(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.Sign(rand.Reader, noon, req.CSR(), east)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Accept(req.Key(), answer, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	text := b.Keep().Encode()
	kept, err := ParseIssued(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := kept.Bundle(r, noon, east)
	if err != nil || again.Fingerprint() != b.Fingerprint() || kept.Fingerprint() != b.Fingerprint() {
		t.Fatalf("what was kept is another bundle: %v", err)
	}
	noMaterial(t, fmt.Sprintf("%v %+v %v", kept, kept, kept.Encode()), req.Key().Bytes())

	// It is proven again: time, root and names may be others by now.
	if _, err := kept.Bundle(r, noon.AddDate(2, 0, 0), east); err == nil {
		t.Error("it has not expired after two years")
	}
	if _, err := kept.Bundle(newRoot(t, noon), noon, east); err == nil {
		t.Error("another root takes it")
	}
	other, err := r.Request(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Accept(other.Key(), answer, noon, east); !errors.Is(err, ErrOtherKey) {
		t.Errorf("the answer to another request: %v", err)
	}

	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":            {nil, "kept answer: holds no PEM block"},
		"only a key":         {req.Key().Bytes(), "kept answer: holds no PEM block"},
		"only a certificate": {answer, "kept answer: holds a block CERTIFICATE, not a private key"},
		"two keys":           {cat(req.Key().Bytes(), text.Bytes()), "kept answer: PEM block 1 is a block PRIVATE KEY, not a certificate"},
	} {
		_, err := ParseIssued(NewSecret(tt.data))
		if diff := cmp.Diff(tt.want, errText(err)); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", name, diff)
		}
	}
}
