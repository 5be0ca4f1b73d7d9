# Each target is one command and works on a fresh machine with Python 3.11 or newer and make.
PYTHON ?= python3
BOOTSTRAP = @$(PYTHON) -I controlplane/stack/bootstrap.py

.PHONY: run test test-full e2e lint fix demo manage bench chaos reset lock help

help: ## say what there is
	@grep -E '^[a-z0-9%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: ## set up what is missing, start everything, print the addresses and accounts
	$(BOOTSTRAP) run

test: ## lint, room tests, flows and browser tests
	$(BOOTSTRAP) test $(ARGS)

test-full: ## what is slower: load, fault injection, simulations, other clients
	$(BOOTSTRAP) test-full $(ARGS)

e2e: ## the browser tests alone
	$(BOOTSTRAP) e2e $(ARGS)

lint: ## style, types, import contracts, templates
	$(BOOTSTRAP) lint

fix: ## format and mend what can be mended by itself
	$(BOOTSTRAP) fix

demo: ## the demo once more on the running installation (make run runs it the first time)
	$(BOOTSTRAP) demo

manage: ## manage.py, for example: make manage ARGS="status --json"
	$(BOOTSTRAP) manage $(ARGS)

bench: ## every benchmark
	$(BOOTSTRAP) bench $(ARGS)

bench-%: ## one benchmark, for example bench-gateway
	$(BOOTSTRAP) bench $* $(ARGS)

chaos: ## fault injection alone; ARGS="--minutes 60" repeats it
	$(BOOTSTRAP) chaos $(ARGS)

reset: ## ask, then wipe var/
	$(BOOTSTRAP) reset $(ARGS)

lock: ## requirements/ again from pyproject.toml; ARGS=--keep moves no version that still fits
	$(BOOTSTRAP) lock $(ARGS)
