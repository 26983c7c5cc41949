# What people and CI run. `make` alone prints the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
# The packages that test, lint, bench and fmt work on.
PKG ?= ./...
# Build tags of tests: `corpus` adds those over recorded inventories, which read CLOUDAUDIT_TESTDATA.
TAGS ?=
# More flags of `go test`, such as -run, -v or -json; it takes those of a test's own only after packages.
TESTFLAGS ?=
# Flags of `make build` and `make run`; CI hands in those of the tests, so that things compile once.
BUILDFLAGS ?=
# How often each benchmark runs, and where its figures go.
COUNT ?= 6
OUT ?= bin/bench.txt

# Tests, vet and the linters' type checker share these, and so the compiled packages.
CHECKFLAGS := -race
TESTTAGS := $(if $(TAGS),-tags $(TAGS))

BIN := bin/cloudaudit
# Each tool is pinned in a module of its own: the program's module graph knows nothing of them.
LINT = $$($(GO) tool -n -modfile=.tools/lint/go.mod golangci-lint)
BENCHSTAT = $(GO) tool -modfile=.tools/bench/go.mod benchstat

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/cloudaudit
	$(GO) build $(BUILDFLAGS) -o $(BIN) ./cmd/cloudaudit

.PHONY: run
run: build ## build it and scan the sample accounts of deploy/sample
	$(BIN) scan --config deploy/sample/cloudaudit.yaml

.PHONY: moto
moto: ## install the emulator of AWS that tests run against (make test does it by itself)
	@.tools/moto/install >/dev/null

.PHONY: test
test: moto ## vet and test with the race detector (PKG, TAGS, TESTFLAGS)
	$(GO) vet $(CHECKFLAGS) $(TESTTAGS) $(PKG)
	$(GO) test $(CHECKFLAGS) $(TESTTAGS) -timeout 30m $(PKG) $(TESTFLAGS)

.PHONY: kill
kill: ## kill scans at random moments for FOR (10m) and compare what they leave
	$(GO) test $(CHECKFLAGS) $(TESTTAGS) ./cmd/cloudaudit -run Rule3_10 -timeout 0 -kill $(or $(FOR),10m)

.PHONY: lint
lint: ## check the house style, the formatting and the layout (PKG)
	@.ci/layout
	@lint=$(LINT); GOFLAGS="$$($(GO) env GOFLAGS) $(CHECKFLAGS)" "$$lint" run $(PKG)

.PHONY: fmt
fmt: ## format the Go files
	@lint=$(LINT); "$$lint" fmt $(PKG)

.PHONY: bench
bench: ## run the benchmarks COUNT times and keep their figures in OUT
	@mkdir -p $(dir $(OUT))
	$(GO) test -run '^$$' -bench . -benchmem -timeout 0 -count $(COUNT) $(PKG) | tee $(OUT)

.PHONY: benchstat
benchstat: ## compare two runs: make bench OUT=bin/old.txt; …; make bench; make benchstat OLD=bin/old.txt
	$(BENCHSTAT) $(OLD) $(OUT)
