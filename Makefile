# The commands of the README. A machine needs python3 (3.11 or newer), make and git; everything else is installed here.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := @$(PYTHON) -I agentflow/processes/install.py
CANVAS := static/canvas

.PHONY: up test e2e faults check bench canvas lock install install-dev

up: install ## Start everything on this machine; PORT and HOST change the address
	@exec $(BIN)/python manage.py up

test: install-dev ## Every test that needs no browser and takes no minutes
	@$(BIN)/pytest -m "not e2e and not slow" $(ARGS)

e2e: install-dev ## The journeys in a real browser; needs chromium
	@$(BIN)/pytest -m e2e $(ARGS)

faults: install-dev ## Kill processes and services, also for minutes
	@$(BIN)/pytest -m "faults or slow" $(ARGS)

check: install-dev ## Style, types, imports, settings, migrations, known vulnerabilities, canvas
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(BIN)/python -I agentflow/processes/audit.py
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-canvas; else echo "npm is missing: the canvas is not checked"; fi

bench: install-dev ## Figures of this machine
	@$(BIN)/python -m tests.benchmarks $(ARGS)

canvas: $(CANVAS)/node_modules ## Build the canvas into static/dist
	npm --prefix $(CANVAS) run build

.PHONY: check-canvas
check-canvas: $(CANVAS)/node_modules
	npm --prefix $(CANVAS) run check

$(CANVAS)/node_modules: $(CANVAS)/package-lock.json
	npm --prefix $(CANVAS) ci --no-audit --no-fund
	@touch $@

lock: install-dev ## Renew the lock files from pyproject.toml; LOCK="--upgrade" takes newer versions
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet $(LOCK) pyproject.toml --group dev -o requirements-dev.lock

install:
	$(INSTALL) requirements.lock

install-dev:
	$(INSTALL) requirements-dev.lock
