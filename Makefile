# What to type: `make run`, `make test`. `make help` lists the rest.
# PYTHON chooses the interpreter for .venv (3.11 or newer); RUN_ARGS adds options to `fraudray serve`; TEST_WORKERS says how
# many tests run at once (about 1 GB each).

PYTHON ?= python3
RUN_ARGS ?= --samples
TEST_WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LLM_VENV := .venv-llm
LLM_STAMP := $(LLM_VENV)/.installed
LLM ?= tiny

# A caller's virtual environment or Python settings must not leak into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME CONDA_PREFIX

.PHONY: help install install-llm run run-llm test test-all test-llm lint types tree bench clean
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F '\t' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv from the lock; again only when the lock or pyproject.toml changed

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "fraudray needs Python 3.11 or newer, and there is no '$(PYTHON)'."; \
	  echo "Install it:  sudo apt-get install python3 python3-venv   (or: make PYTHON=/path/to/python3.12 ...)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fraudray needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())')."; \
	  echo "Install a newer one and name it:  sudo apt-get install python3.12 python3.12-venv && make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  echo "$(PYTHON) cannot make virtual environments: its venv package is missing."; \
	  echo "Install it:  sudo apt-get install python3-venv   (or python$$version-venv)"; exit 1; }
	@rm -rf $(VENV)
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# uv, itself from the lock, installs ten times as fast as pip; where it fails (an index that only pip is told of), pip does it.
$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock lists (about 1.4 GB, once) ..."
	@awk '/^uv==/ {on = 1; print; next} /^[^ #]/ {on = 0} on' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable . \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The environment of vLLM on the CPU has a lock of its own: it needs PyTorch's CPU build, which only PyTorch's own index
# has (CONTRIBUTING.md says how to name it), and leaves out what on a CPU is not needed or breaks it.
install-llm: $(LLM_STAMP) ## make .venv-llm: the server with real vLLM on the CPU (about 2.6 GB)

$(LLM_STAMP): requirements-vllm.lock pyproject.toml | $(STAMP)
	@$(BIN)/python -c 'import platform, sys; sys.exit((sys.version_info[:2], platform.machine()) != ((3, 11), "x86_64"))' || { \
	  echo "requirements-vllm.lock is for Python 3.11 on x86_64. Use them (make clean; make PYTHON=python3.11 install-llm),"; \
	  echo "or compile the lock anew for what you have: CONTRIBUTING.md."; exit 1; }
	@echo "Installing what requirements-vllm.lock lists (about 2.6 GB, once) ..."
	@rm -rf $(LLM_VENV) && $(BIN)/python -m venv --without-pip $(LLM_VENV)
	@UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}" \
	  $(BIN)/uv pip install --quiet --python $(LLM_VENV)/bin/python --no-deps --require-hashes -r requirements-vllm.lock \
	  || $(BIN)/python -m pip --python $(LLM_VENV)/bin/python install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes -r requirements-vllm.lock
	@$(BIN)/uv pip install --quiet --python $(LLM_VENV)/bin/python --no-deps --editable . \
	  || $(BIN)/python -m pip --python $(LLM_VENV)/bin/python install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: $(STAMP) ## serve on 127.0.0.1:8000 and decide the three sample transactions; Ctrl-C stops it
	@exec $(BIN)/fraudray serve --with-parent $(RUN_ARGS)

run-llm: $(LLM_STAMP) ## as `run`, with a language model served by vLLM on the CPU (LLM=tiny, or a model's folder)
	@exec $(LLM_VENV)/bin/fraudray serve --with-parent --llm $(LLM) $(RUN_ARGS)

test: $(STAMP) ## the tests, without the slow ones (real engines, browsers, chaos)
	@$(BIN)/python -m pytest -m "not slow and not serve" -n $(TEST_WORKERS) $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -m "serve and not slow" $(PYTEST_ARGS) # Ray takes most of a machine: one at a time

test-all: lint types test ## everything: linters, types, all tests
	@$(BIN)/python -m pytest -m slow tests/ui -n $(TEST_WORKERS) $(PYTEST_ARGS) # the page, in a browser
	@$(BIN)/python -m pytest -m slow --ignore tests/ui $(PYTEST_ARGS) # those in tests/llm are `make test-llm`

test-llm: $(LLM_STAMP) ## the tests with a real language model (vLLM on the CPU)
	@$(LLM_VENV)/bin/python -m pytest -m slow tests/llm $(PYTEST_ARGS)

lint: tree ## ruff and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cd $(VENV)/tree && PYTHONPATH=. ../bin/lint-imports --config ../../pyproject.toml --no-cache

types: tree ## mypy --strict over all packages, as they are installed
	@cd $(VENV)/tree && MYPYPATH=. ../bin/mypy --config-file ../../pyproject.toml -p fraudray

# The packages in the places where they are installed: static tools do not follow setuptools' package-dir.
tree: $(STAMP)
	@rm -rf $(VENV)/tree && mkdir -p $(VENV)/tree/fraudray
	@for entry in fraudray/*; do ln -s "$(CURDIR)/$$entry" $(VENV)/tree/fraudray/; done
	@for folder in tools deployments batch ui; do ln -s "$(CURDIR)/$$folder" $(VENV)/tree/fraudray/; done

bench: $(STAMP) ## measure the engine and the HTTP path on this machine (with a model: fraudray bench llm)
	@$(BIN)/fraudray bench engine
	@$(BIN)/fraudray bench http

clean: ## remove .venv, .venv-llm and caches; the data folder stays
	@rm -rf $(VENV) $(LLM_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
