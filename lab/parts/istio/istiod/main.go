// Command istiod is Istio's pilot-discovery, except that it resolves the host names of other clusters' gateways with
// the lab's DNS server.
//
// Upstream's program asks the servers in /etc/resolv.conf for those names, whatever the system's resolver is told:
// queries would leave the machine, and the lab's names would not be found. What can be set instead is a variable of
// Istio's package model, and only from inside the program.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/model/network.go
//
// The rest is upstream's main.
// https://github.com/istio/istio/blob/1.31.0/pilot/cmd/pilot-discovery/main.go
package main

import (
	"os"
	"time"

	// as upstream: sets GOMEMLIMIT to 90% of the cgroup's limit
	_ "github.com/KimMachineGun/automemlimit"

	"istio.io/istio/pilot/cmd/pilot-discovery/app"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/log"
)

// dnsVariable holds the "IP:port" of the DNS server. The lab's runner sets it.
const dnsVariable = "LAB_DNS_SERVER"

func main() {
	// Its name in the container, which API servers take for the manager of the fields that it writes.
	os.Args[0] = "pilot-discovery"
	if server := os.Getenv(dnsVariable); server != "" {
		model.NetworkGatewayTestDNSServers = []string{server}
		model.MinGatewayTTL = time.Second // and not 30: a test waits until a name's new addresses are used
	}
	log.EnableKlogWithCobra()
	if err := app.NewRootCommand().Execute(); err != nil {
		log.Error(err)
		os.Exit(-1)
	}
}
