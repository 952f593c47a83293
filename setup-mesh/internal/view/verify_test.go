package view

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/verify"
)

// threeVerified is a verification of three clusters on two networks, in which all is well.
func threeVerified() *verify.Report {
	r := &verify.Report{Format: verify.Format, Mesh: "m", Namespace: "setup-mesh-verify", Calls: 24}
	clusters := []verify.Member{{Name: "east-1", Network: "east", Version: "v1"}, {Name: "east-2", Network: "east", Version: "v2"}, {Name: "west-1", Network: "west", Version: "v1"}}
	r.Clusters = clusters
	for _, from := range clusters {
		for i, to := range clusters {
			via := fmt.Sprintf("10.0.%d.1:5000", i)
			if from.Network != to.Network {
				via = fmt.Sprintf("203.0.113.%d:15443", i+1)
			}
			r.Pairs = append(r.Pairs, verify.Called{From: from.Name, To: to.Name, Expected: true, Answers: 8, Via: []string{via}, Security: "mutual_tls",
				Client: "spiffe://cluster.local/ns/setup-mesh-verify/sa/client", Server: "spiffe://cluster.local/ns/setup-mesh-verify/sa/helloworld"})
		}
	}
	return r
}

func TestVerify(t *testing.T) {
	tests := map[string]func(*verify.Report){
		"healthy": func(*verify.Report) {},
		"pairs-without-answers": func(r *verify.Report) {
			r.Pairs[2].Answers, r.Pairs[2].Via, r.Pairs[2].Security = 0, nil, ""
			r.Problems = []verify.Problem{{From: "east-1", To: "west-1", Message: "east-1 is not answered by west-1: 9 connections to 203.0.113.3:15443 failed", Hint: "setup-mesh status --from east-1 --to west-1 says what is wrong between the two"}}
		},
		"a-cluster-that-takes-no-part": func(r *verify.Report) {
			r.Clusters[2].Error = "it is down"
			r.Pairs = []verify.Called{r.Pairs[0], r.Pairs[1], r.Pairs[3], r.Pairs[4]}
			r.Problems = []verify.Problem{{From: "west-1", Message: "west-1 takes no part: it is down"}}
		},
		"plaintext-and-kept": func(r *verify.Report) {
			r.Pairs[1].Security, r.Kept = "none", true
			r.Problems = []verify.Problem{{From: "east-1", To: "east-2", Message: "the calls from east-1 reach east-2 without mutual TLS", Hint: "look"}}
		},
		"metrics-are-off": func(r *verify.Report) {
			for i := range r.Pairs {
				r.Pairs[i].Security = ""
			}
		},
		"many-clusters": func(r *verify.Report) {
			r.Clusters, r.Pairs = nil, nil
			for i := range 30 {
				r.Clusters = append(r.Clusters, verify.Member{Name: fmt.Sprintf("cluster-%d", i), Network: fmt.Sprint(i % 3)})
			}
			for i, from := range r.Clusters {
				for j, to := range r.Clusters {
					r.Pairs = append(r.Pairs, verify.Called{From: from.Name, To: to.Name, Expected: true, Answers: min(1, i*j%19+j%3), Via: []string{"192.0.2.1:5000"}, Security: "mutual_tls", Client: "spiffe://client", Server: "spiffe://server"})
				}
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			r := threeVerified()
			change(r)
			var out bytes.Buffer
			Verify(&out, r, false)
			golden(t, "verify/"+name, out.String())
		})
	}
}

func TestVerifyService(t *testing.T) {
	r := &verify.ServiceReport{Service: "shop/cart", Clusters: []verify.ServiceMember{
		{Name: "east-1", Network: "east", Ready: 2}, {Name: "east-2", Network: "east", Ready: 1}, {Name: "west-1", Network: "west"}, {Name: "west-2", Network: "west", Ready: 3, Error: "it is down"},
	}}
	for _, from := range r.Clusters[:3] {
		for _, to := range r.Clusters {
			r.Knowledge = append(r.Knowledge, verify.Knows{From: from.Name, To: to.Name, Expected: to.Ready > 0, Addresses: []string{"192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"}[:to.Ready]})
		}
	}
	r.Knowledge[1].Addresses = nil
	r.Problems = []verify.Problem{{From: "east-1", To: "east-2", Message: "the proxy of pod shop/web in east-1 is told no address of shop/cart in east-2, which has 1", Hint: "look"}}
	var out bytes.Buffer
	VerifyService(&out, r, false)
	golden(t, "verify/service", out.String())
}
