# Two commands do it all: `make lab` and `make test`. `make help` lists the rest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The goals share one .venv and one machine; the order of the printed lines is the order of work.
.NOTPARALLEL:

# Another virtual environment may be activated: IPython would warn of it, and warnings are errors.
unexport VIRTUAL_ENV

VENV := .venv
RUN := $(VENV)/bin/python -m
FIRST_NOTEBOOK := 01-websocket-server.ipynb
# Copies without outputs, for whoever works through them; git does not see them.
MY_NOTEBOOKS := my-notebooks

# The first Python that is new enough; `make lab PYTHON=/path/to/python3.12` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; exit; }; done; echo python3)

# Notebooks run on a kernel of this .venv and are compared with the outputs that they store.
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=60 \
	--nbval-sanitize-with=notebooks/nbval_sanitize.cfg

# Further options of the command that a goal runs: make lab ARGS="--no-browser --port 9999"
ARGS ?=

.PHONY: help
help: ## list the goals
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" \
	read -r goal text; do printf 'make %-16s%s\n' "$$goal" "$$text"; done
	@echo
	@echo 'ARGS="..." goes to the command; PYTHON=... names the Python that makes .venv'

# ---------------------------------------------------------------------- set-up

$(VENV)/bin/python:
	@command -v "$(PYTHON)" >/dev/null || { \
	echo "No Python found as '$(PYTHON)'. Install Python 3.11 or newer (python.org/downloads," \
	"or your system's packages), or name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "astra_nb needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1)." \
	"Install a newer one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "'$(PYTHON)' cannot make virtual environments: its ensurepip module is missing." \
	"On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "set-up: make $(VENV) with $$("$(PYTHON)" -V)"
	@"$(PYTHON)" -m venv --clear $(VENV)

# One stamp per extra: a second call finds it and goes straight to work.
$(VENV)/.installed-%: pyproject.toml $(VENV)/bin/python
	@echo "set-up: install astra_nb with what '$*' needs into $(VENV) (a few minutes, once)"
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
.PRECIOUS: $(VENV)/.installed-%

node_modules/.installed: package.json package-lock.json
	@echo "set-up: install TypeScript and the type declarations into node_modules"
	@npm ci --silent --no-audit --no-fund
	@touch $@

# -------------------------------------------------------------------- commands

.PHONY: lab
lab: $(VENV)/.installed-lab ## open JupyterLab at your copy of the first notebook
	@echo "lab: JupyterLab on $(MY_NOTEBOOKS)/$(FIRST_NOTEBOOK); Ctrl-C here ends it"
	@$(RUN) astra_nb.commands.cli lab $(MY_NOTEBOOKS) $(ARGS)

.PHONY: work
work: $(VENV)/.installed-lab ## open JupyterLab at the notebooks of the repository, for contributors
	@echo "work: JupyterLab on notebooks/$(FIRST_NOTEBOOK); Ctrl-C here ends it"
	@ASTRA_NB_NO_PROGRESS=1 $(RUN) astra_nb.commands.cli lab notebooks $(ARGS)

.PHONY: test
test: $(VENV)/.installed-test lint types js module-coverage ## run every check, the tests and the notebooks, in 20 minutes at most
	@echo "test: unit tests, notebooks against their stored outputs (pytest)"
	@$(RUN) pytest $(NBVAL) -m "not browser and not hub and not book" tests notebooks $(ARGS)

.PHONY: browser-test
browser-test: $(VENV)/.installed-test ## test the widgets in JupyterLab, Notebook and marimo, in Chromium (minutes)
	@echo "browser-test: the widgets in a real browser (pytest)"
	@$(RUN) pytest -m "browser and not hub and not book" tests $(ARGS)

.PHONY: hub-test
hub-test: $(VENV)/.installed-hub tests/hub/node_modules/.installed ## test on a real JupyterHub, and what Binder builds (minutes)
	@echo "hub-test: a JupyterHub with two users, and the image's steps in a fresh environment"
	@$(RUN) pytest -m hub tests/hub $(ARGS)

tests/hub/node_modules/.installed: tests/hub/package.json tests/hub/package-lock.json
	@echo "set-up: install the hub's proxy into tests/hub/node_modules"
	@npm ci --prefix tests/hub --silent --no-audit --no-fund
	@touch $@

.PHONY: lint
lint: $(VENV)/.installed-test ## check style and the layers
	@echo "lint: style (ruff check)"
	@$(RUN) ruff check --quiet
	@echo "lint: layout (ruff format --check)"
	@$(RUN) ruff format --check --quiet || { \
	echo "Files above are not laid out as agreed; this does it: $(RUN) ruff format"; exit 1; }
	@echo "lint: imports go down the layers (import-linter)"
	@$(VENV)/bin/lint-imports --no-logo >$(VENV)/lint-imports.log 2>&1 || { \
	cat $(VENV)/lint-imports.log; exit 1; }

.PHONY: types
types: $(VENV)/.installed-test ## check the types of package, tests and tools
	@echo "types: package, tests and tools (mypy --strict)"
	@$(RUN) mypy --no-error-summary

.PHONY: module-coverage
module-coverage: $(VENV)/.installed-test ## check that each lower module is covered by its own tests
	@echo "coverage: each module of wire, log and net by its own test file alone (coverage)"
	@$(VENV)/bin/python tools/module_coverage.py $(ARGS)

.PHONY: js
js: ## check and test the widgets' JavaScript
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory js-with-npm; else \
	echo "js: left out, there is no npm here; install Node.js 20 or newer (nodejs.org) for it"; fi

.PHONY: js-with-npm
js-with-npm: node_modules/.installed
	@echo "js: types of the widgets' modules (tsc --checkJs)"
	@node_modules/.bin/tsc
	@echo "js: the widgets' pure functions (node --test)"
	@node --test --test-reporter=dot tests/js/*.test.js

.PHONY: notebooks
notebooks: $(VENV)/.installed-test ## run the notebooks on fresh kernels and store their outputs
	@echo "notebooks: run each on a fresh kernel and store what it shows"
	@$(VENV)/bin/python tools/refresh_notebooks.py $(ARGS)

.PHONY: rfc-page
rfc-page: $(VENV)/.installed-test ## write docs/rfc6455.md from the notebooks' metadata
	@echo "rfc-page: the rules of RFC 6455 and the cells that break them, into docs/rfc6455.md"
	@$(VENV)/bin/python tools/rfc_page.py

.PHONY: screenshots
screenshots: $(VENV)/.installed-test ## take the README's pictures from a real JupyterLab
	@echo "screenshots: the panel in light and dark, and a message that arrives, into docs/images"
	@$(VENV)/bin/python tools/screenshots.py $(ARGS)

.PHONY: book
book: $(VENV)/.installed-book ## build the book, one searchable site that opens from its files
	@echo "book: notebooks, guides and reference (Sphinx; warnings are errors)"
	@$(RUN) sphinx --quiet --fail-on-warning --keep-going --conf-dir docs \
	--doctree-dir build/book-cache . build/book
	@echo "book: its links, its names, its search, in Chromium in both themes"
	@$(RUN) pytest -q -m book tests/book $(ARGS)
	@echo "book: open build/book/index.html"

.PHONY: handout
handout: $(VENV)/.installed-test node_modules/.installed ## make handouts for printing, and slides, of the notebooks
	@$(VENV)/bin/python tools/handout.py $(ARGS)

.PHONY: dist
dist: $(VENV)/.installed-release ## build sdist and wheel, and try them on each Python here (minutes)
	@echo "dist: into dist/; ARGS=--build-only leaves the trials out"
	@$(VENV)/bin/python tools/dist.py $(ARGS)

.PHONY: lowest
lowest: $(VENV)/.installed-release ## run the unit tests with the oldest dependencies allowed (minutes)
	@$(VENV)/bin/python tools/lowest.py $(ARGS)

# uv writes one file for all systems and Pythons; pip reads it.
LOCK := $(RUN) uv pip compile pyproject.toml --extra lab --extra grading --universal \
	--python-version 3.11 --no-annotate --custom-compile-command "make lock" --quiet

.PHONY: lock
lock: $(VENV)/.installed-release ## name newer exact versions in binder/constraints.txt
	@$(LOCK) --upgrade --output-file binder/constraints.txt

.PHONY: lock-check
lock-check: $(VENV)/.installed-release ## check that binder/constraints.txt resolves and fits pyproject.toml
	@echo "lock-check: the exact versions of binder/constraints.txt (uv pip compile)"
	@cp binder/constraints.txt $(VENV)/constraints.txt
	@$(LOCK) --output-file $(VENV)/constraints.txt
	@diff binder/constraints.txt $(VENV)/constraints.txt || { \
	echo "binder/constraints.txt does not fit; this brings it up to date: make lock"; exit 1; }

.PHONY: bench
bench: $(VENV)/.installed-bench ## compare the server's speed with others'
	@$(RUN) bench $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.installed-test ## feed mutated streams: make fuzz ARGS="--seconds 600"
	@$(RUN) fuzz $(ARGS)

.PHONY: soak
soak: $(VENV)/.installed-test ## send 200,000 messages through a faulty proxy (minutes)
	@$(RUN) soak $(ARGS)

.PHONY: format
format: $(VENV)/.installed-test ## lay the Python files out as agreed
	@$(RUN) ruff check --quiet --fix --exit-zero
	@$(RUN) ruff format --quiet

.PHONY: clean
clean: ## remove what make made: .venv, node_modules, caches
	rm -rf $(VENV) node_modules tests/hub/node_modules artifacts dist build .mypy_cache \
	.pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find astra_nb tests tools bench fuzz soak docs -name __pycache__ -type d -prune -exec rm -rf {} +
