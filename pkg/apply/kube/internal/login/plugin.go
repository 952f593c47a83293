package login

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
)

const (
	// maxCredential bounds what a plugin may print.
	maxCredential = 1 << 20
	// pipeWait is how long what a plugin left behind may hold its output open.
	pipeWait = time.Second
)

// A plugin is how an exec credential plugin is called:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
type plugin struct {
	config *clientcmdapi.ExecConfig
	info   []byte // the value of KUBERNETES_EXEC_INFO
}

// ExecInfo is what a plugin is told in KUBERNETES_EXEC_INFO: that there is no
// terminal (several clusters log in at once; they cannot share a keyboard) and,
// if it wants to know, the cluster.
func ExecInfo(config *rest.Config) ([]byte, error) {
	codecs, version, err := execCodecs(config.ExecProvider)
	if err != nil {
		return nil, err
	}
	question := &clientauthentication.ExecCredential{}
	if config.ExecProvider.ProvideClusterInfo {
		if question.Spec.Cluster, err = rest.ConfigToExecCluster(config); err != nil {
			return nil, err
		}
	}
	return runtime.Encode(codecs.LegacyCodec(version), question)
}

func execCodecs(e *clientcmdapi.ExecConfig) (serializer.CodecFactory, schema.GroupVersion, error) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	version, err := schema.ParseGroupVersion(e.APIVersion)
	if err == nil && !scheme.IsVersionRegistered(version) {
		err = errors.New("unknown protocol")
	}
	return serializer.NewCodecFactory(scheme), version, err
}

// ask runs the plugin until ctx ends, and then ends it with all its children. Its
// stderr is not ours: who reads ours would wait for as long as a child lives.
func (p plugin) ask(ctx context.Context) (*Credential, error) {
	fail := func(format string, args ...any) (*Credential, error) {
		return nil, &Error{Plugin: p.Name(), Text: fmt.Sprintf(format, args...)}
	}
	if p.config.InteractiveMode == clientcmdapi.AlwaysExecInteractiveMode {
		return fail("needs a terminal (interactiveMode: Always), and several clusters log in at once")
	}
	cmd := exec.CommandContext(ctx, p.config.Command, p.config.Args...)
	cmd.Env = os.Environ()
	for _, v := range p.config.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	cmd.Env = append(cmd.Env, "KUBERNETES_EXEC_INFO="+string(p.info))
	out := &bounded{}
	cmd.Stdout = out
	cmd.WaitDelay = pipeWait
	endAsGroup(cmd)
	err := cmd.Run()
	if out.over {
		return fail("printed more than %d MiB", maxCredential>>20)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fail("failed: %s", exit.ProcessState)
	}
	switch {
	case errors.Is(err, exec.ErrWaitDelay): // it is done; a child of it is not
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return fail("is not installed, or not in PATH")
	case err != nil:
		return fail("cannot be run: %s", plain.Reason(err))
	}
	cred, err := p.parse(out.buffer.Bytes())
	if err != nil {
		return fail("printed no valid ExecCredential") // what it did print may be a token
	}
	return cred, nil
}

// parse reads what a plugin printed. Its errors may quote it.
func (p plugin) parse(printed []byte) (*Credential, error) {
	codecs, version, err := execCodecs(p.config)
	if err != nil {
		return nil, err
	}
	answer := &clientauthentication.ExecCredential{}
	_, gvk, err := codecs.UniversalDecoder(version).Decode(printed, nil, answer)
	if err != nil {
		return nil, err
	}
	s := answer.Status
	if gvk.GroupVersion() != version || s == nil || s.Token == "" && s.ClientCertificateData == "" {
		return nil, errors.New("another version, or no credentials")
	}
	cred := &Credential{Token: s.Token, Cert: []byte(s.ClientCertificateData), Key: []byte(s.ClientKeyData)}
	if s.ExpirationTimestamp != nil {
		cred.expires = s.ExpirationTimestamp.Time
	}
	if len(cred.Cert)+len(cred.Key) > 0 {
		_, err = tls.X509KeyPair(cred.Cert, cred.Key)
	}
	return cred, err
}

// bounded takes no more than maxCredential bytes. It has no other way in: a
// bytes.Buffer's ReadFrom has no bounds.
type bounded struct {
	buffer bytes.Buffer
	over   bool // it was offered more
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.buffer.Len()+len(p) > maxCredential {
		b.over = true
		return 0, io.ErrShortWrite
	}
	return b.buffer.Write(p)
}
