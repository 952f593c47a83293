# Every target is what CI runs; "make" alone lists them. Go, git and make are
# all that is needed: nothing here uses a C compiler, Docker or root.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

export CGO_ENABLED := 0
# One set of flags everywhere, so that builds and tests share the build cache.
export GOFLAGS := $(strip $(filter-out -trimpath -buildvcs=%,$(shell go env GOFLAGS)) -trimpath -buildvcs=false)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The root module's packages whose tests rewrite their golden files on -update.
GOLDEN = $(addprefix ./,$(sort $(dir $(shell git grep -l 'flag.Bool."update"' -- '*_test.go' ':!lab'))))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/setup-mesh and bin/lab
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./setup-mesh && go -C lab build -o ../bin/ ./cmd/lab

lab-parts: build ## build what the lab runs: Kubernetes, etcd, KWOK, istiod (slow once)
	bin/lab build

# The lab is a module of its own: Go would take its tests for passed where only what
# they try has changed, so they are always run.
test: build lab-parts ## unit tests, CLI scripts and end-to-end tests on the lab
	tools/with-lab.sh go test -timeout 15m ./... && go -C lab/certcheck test ./... && go -C lab test -count=1 -timeout 65m ./...

test-short: ## unit tests only: no lab, no cluster
	go test -short ./... && go -C lab/certcheck test -short ./... && go -C lab test -short ./...

race: ## unit tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -short -race ./pkg/... && CGO_ENABLED=1 go -C lab test -short -race ./...

soak: ## random histories of meshes until it is stopped; SIM_FROM=N begins elsewhere
	SIM_SOAK=1 go test -count=1 -timeout 0 -run TestSoak ./pkg/apply/simulate

lint: bin/golangci-lint ## gofmt, go vet, import directions and the other linters
	go vet ./... && go -C lab vet ./... && go -C lab/certcheck vet ./... && bin/golangci-lint run ./... && cd lab && ../bin/golangci-lint run ./... && cd certcheck && ../../bin/golangci-lint run ./...

vulncheck: ## known vulnerabilities of what we link (reads vuln.go.dev, so not part of lint)
	go -C tools build -o ../bin/ golang.org/x/vuln/cmd/govulncheck && bin/govulncheck ./...

golden: ## rewrite the golden files; read the diff before you commit it
	go test $(GOLDEN) -update

docs: ## rewrite what is generated: references and the JSON Schema
	go generate ./...

bench: build ## time first apply, no-op plan and no-op apply on the lab, and istioctl beside them
	bin/lab build --bench && go -C lab test ./e2e -run '^$$' -bench . -benchtime 1x -timeout 45m

bench-clusters: build ## time and memory of meshes of 10, 30 and 100 clusters in memory
	SETUP_MESH=$(CURDIR)/bin/setup-mesh go test ./pkg/apply/simulate -run '^$$' -bench 'Clusters|Process' -benchtime 1x -timeout 45m

demo: build lab-parts ## a mesh of three clusters on this machine
	tools/demo.sh up

demo-down: ## end the demo's clusters and remove its files
	tools/demo.sh down

bin/golangci-lint: tools/go.mod
	go -C tools build -o ../bin/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: help build lab-parts test test-short race soak lint vulncheck golden docs bench bench-clusters demo demo-down
