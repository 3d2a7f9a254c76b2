# The one place that knows how to install. Two commands do everything: make demo, make test.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && { echo "$$python"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install demo reproduce notebooks docs test torture check format wheel browser clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

install: .venv/.installed ## environment in .venv/ with the package

demo: .venv/.installed ## both laboratories in a few minutes, pictures in runs/demo
	$(BIN)/palingen demo

notebooks: .venv/.notebook ## execute assignment/part1.ipynb and part2.ipynb anew from their sources
	$(BIN)/python assignment/notebooks.py

reproduce: .venv/.installed ## every number and picture of the report from nothing; hours, and it resumes
	$(BIN)/palingen reproduce

docs: .venv/.docs ## the documentation as a site: open build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# As many test processes as cores, each with one thread; then what asserts a time, with nothing beside it.
test: .venv/.dev .venv/.browser ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not timing and not torture" --numprocesses logical --dist loadfile
	$(BIN)/python -m pytest -m "timing and not torture" $$(grep -rl --include='test_*.py' mark.timing tests)

torture: .venv/.dev .venv/.browser ## hard use with thousands of generated cases: takes minutes
	$(BIN)/python -m pytest -m torture -s

check: .venv/.dev ## format, lint, types, import contracts, language
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --output-format concise .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_language.py

format: .venv/.dev ## put the code in order
	$(BIN)/ruff check --fix --output-format concise .
	$(BIN)/ruff format .

wheel: .venv/.dev ## source archive and wheel in dist/, built and checked
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python scripts/check_distribution.py

browser: .venv/.browser ## find or install a Chromium for the tests

clean: ## remove the environment and all caches; runs/ stays
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# torch comes first and by its exact version, so that nothing later fetches another.
.venv/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "palingen needs Python 3.11 to 3.14; none was found (PYTHON=... names one)"; exit 2; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --editable .
	touch $@

.venv/.notebook: .venv/.installed
	$(PIP) --editable '.[notebook]'
	touch $@

.venv/.docs: .venv/.installed
	$(PIP) --editable '.[docs]'
	touch $@

.venv/.dev: .venv/.installed
	$(PIP) --editable '.[dev]'
	touch $@

.venv/.browser: .venv/.dev
	$(BIN)/python tests/browser.py
	touch $@
