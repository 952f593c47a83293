package kube

import (
	"encoding/json"

	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
)

// login takes the exec plugin, if there is one, out of config. Contexts that call
// the same plugin in the same way share one login.
func (k *Kubeconfig) login(config *rest.Config) (*login.Login, error) {
	exec := config.ExecProvider
	if exec == nil {
		return nil, nil
	}
	info, err := login.ExecInfo(config)
	if err != nil {
		return nil, err
	}
	config.ExecProvider = nil
	if config.BearerToken != "" || config.BearerTokenFile != "" || config.Username != "" || config.CertFile != "" || len(config.CertData) > 0 {
		return nil, nil // which client-go prefers
	}
	key, err := json.Marshal([]any{exec.Command, exec.Args, exec.Env, exec.APIVersion, exec.InteractiveMode, info})
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.logins[string(key)]
	if !ok {
		l = login.New(exec, info)
		k.logins[string(key)] = l
	}
	return l, nil
}
