# Every target sets up what it needs; `make` alone lists them.
SHELL := /bin/bash
NODE := node_modules/.bin/node
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export NX_DAEMON := false
SOURCES := $(shell find libs services apps packages plugins -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print 2>/dev/null) tools/build.mjs

.PHONY: help start test demo bench faults fuzz soak lint build dev docs cluster-up cluster-down clean packages

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js 20 or newer with npm'; exit 1; }
	@echo 'Installing packages (once)...'
	@npm ci --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

.cache/build.stamp: node_modules/.package-lock.json $(SOURCES)
	@$(NODE) tools/check-node.mjs
	@echo 'Building...'
	@mkdir -p .cache
	@nx run-many -t build --outputStyle=static >.cache/build.log 2>&1 || { cat .cache/build.log; exit 1; }
	@touch $@

build: .cache/build.stamp ## build everything that changed

start: .cache/build.stamp ## the whole platform in one process on :8080 (no Docker, no Java)
	@exec $(NODE) --no-node-snapshot apps/standalone/dist/main.js

dev: ## the platform, started again at each change of the sources
	@$(MAKE) build
	@exec $(NODE) tools/dev.ts

test: .cache/build.stamp ## lint, unit, contract and end-to-end tests on both topologies
	@exec $(NODE) tools/test.ts

lint: node_modules/.package-lock.json ## prettier, eslint (typed, boundaries, cycles), types, unused code
	@exec $(NODE) tools/lint.ts

demo: .cache/build.stamp ## a tour over HTTP against the platform that runs (make start or make cluster-up)
	@exec $(NODE) tools/demo/demo.ts

bench: .cache/build.stamp ## measure; ONLY=P4,P20 picks rows
	@exec $(NODE) --no-node-snapshot bench/src/run.ts

faults: .cache/build.stamp ## pull plugs on a cluster at work and check that nothing was lost; SEED=, DURATION_S=, ONLY=
	@exec $(NODE) --no-node-snapshot tools/faults/main.ts

soak: .cache/build.stamp ## good plugins beside hostile ones: nothing grows, leaks or gets slow; DURATION_S= (60), SEED=
	@exec $(NODE) --no-node-snapshot tools/soak/main.ts

packages: .cache/build.stamp ## run 50 popular npm packages in the sandbox and write docs/reference/packages.md
	@exec $(NODE) --no-node-snapshot tools/packages.ts

fuzz: node_modules/.package-lock.json ## feed parsers and the supervisor what they do not expect; DURATION_S= per target (30), SEED=
	@DURATION_S=$${DURATION_S:-30} exec vitest run --project unit '.fuzz.spec.ts' hostile-worker.spec.ts

cluster-up: .cache/build.stamp ## separate processes on real Kafka, PostgreSQL and S3
	@exec $(NODE) tools/cluster/up.ts

cluster-down: ## stop what cluster-up started
	@exec $(NODE) tools/cluster/down.ts

docs: .cache/build.stamp ## write docs/reference from the code
	@exec $(NODE) tools/docs.ts

clean: ## remove what was built (data in .mortise stays)
	@rm -rf .cache/build.stamp .nx libs/*/dist services/*/dist apps/*/dist packages/*/dist plugins/*/dist
