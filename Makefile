PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Only `make lock` needs it: https://docs.astral.sh/uv
UV ?= uv

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A stamp per lock file: the environment is made when missing and again when it is out of date.
$(BIN)/.runtime: requirements.lock setup.cfg pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: '$(PYTHON) -m venv' failed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		rm -rf $(VENV); echo "make: Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@rm -rf *.egg-info  # an old one in the tree would hide new entry points
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/.dev: $(BIN)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# A real OAuth server for the tests, where there is npm.
OAUTH := $(if $(shell command -v npm),tests/oauth/node_modules)

tests/oauth/node_modules: tests/oauth/package-lock.json
	cd tests/oauth && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.PHONY: install
install: $(BIN)/.runtime ## make the environment with the locked dependencies

.PHONY: run
run: $(BIN)/.runtime ## start the gateway on 127.0.0.1:8080 (ARGS="--listen ...")
	@$(BIN)/sluicegate serve $(ARGS)

.PHONY: test
test: $(BIN)/.dev $(OAUTH) ## run the tests; those whose system program is missing are named
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(ARGS)

# What must hold on either way from client to upstream, as tests of real processes.
ON_BOTH_WAYS := $(addprefix tests/,faults lane process_level nginx sdk llama clouds bedrock \
	contract/test_doors_process.py contract/test_relay_process.py contract/test_translated_process.py \
	contract/test_translated_clocks.py contract/test_translated_errors.py)

.PHONY: test-aiohttp
test-aiohttp: $(BIN)/.dev ## the tests of streams, with aiohttp instead of the fast lane
	SLUICEGATE_TEST_PATH=aiohttp $(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(ON_BOTH_WAYS) $(ARGS)

# How many.
REQUESTS ?= 100000

.PHONY: soak
soak: $(BIN)/.dev ## requests that end in every way, many at once (REQUESTS=100000)
	$(BIN)/python -m tests.faults.soak $(REQUESTS)

.PHONY: check
check: $(BIN)/.dev ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: cover
cover: $(BIN)/.dev $(OAUTH) ## the tests with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

.PHONY: format
format: $(BIN)/.dev ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: e2e
e2e: $(BIN)/.dev $(OAUTH) ## the tests that need nginx, Chromium or an inference server
	$(BIN)/python -m pytest -m needs $(ARGS)

.PHONY: approve
approve: $(BIN)/.dev ## write down anew what crosses between dialects; read the diff
	$(BIN)/python -m tests.contract.approve
	$(BIN)/python -m tests.contract.fidelity docs/fidelity.md

.PHONY: bench
bench: $(BIN)/.dev ## nginx, a bare relay and both ways of the gateway, in one run (ARGS=--peers)
	$(BIN)/python -m bench $(ARGS)

# In seconds.
SECONDS ?= 600

$(BIN)/.fuzz: $(BIN)/.dev requirements-fuzz.lock
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-fuzz.lock || \
		echo "make: no atheris for this Python; what is tried is drawn by lot" >&2
	@touch $@

.PHONY: fuzz
fuzz: $(BIN)/.fuzz ## look for answers that two readers read differently (SECONDS=600)
	$(BIN)/python -m tests.fuzz.responses $(SECONDS)

.PHONY: lock
lock: ## pin the dependencies again, with hashes
	$(UV) pip compile setup.cfg requirements.in requirements-dev.in --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements-dev.lock
	@# After it, since what the tests need binds more.
	$(UV) pip compile setup.cfg requirements.in --all-extras -c requirements-dev.lock --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements.lock
	$(UV) pip compile requirements-fuzz.in --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --upgrade -o requirements-fuzz.lock

.PHONY: clean
clean: ## remove the environment and everything that was made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* \
		.import_linter_cache .grimp_cache bench/results tests/oauth/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
