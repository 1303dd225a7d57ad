# make run [RECIPE=mnist]   set up, then compute what is out of date and print the report
# make ui                   Dagster on 3000 and MLflow on 5000, this machine only; Ctrl-C ends both
# make test                 in minutes; make test-slow real servers, browsers and long stories; make test-all both
# make lint                 style, types, import rules
RECIPE ?= digits
PYTHON ?= python3
BIN := .venv/bin
# Two processes on two cores, a thread each; a third where many tests wait for servers.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs --no-loadscope-reorder --durations=10

.PHONY: run ui test test-all test-slow compiled lint benchmark setup clean

run: .venv/.ready
	@$(BIN)/compression run $(RECIPE)
	@$(BIN)/compression report $(RECIPE)
	@command -v compression >/dev/null || echo "compression is $(BIN)/compression here; source $(BIN)/activate to call it by its name"

ui: .venv/.ready
	@exec $(BIN)/compression ui

test: .venv/.ready compiled
	$(PYTEST) -n 2 -m "not slow"

test-all: test test-slow

test-slow: .venv/.ready compiled
	$(PYTEST) -n 3 -m slow

# Once, and not in each of hundreds of processes where Python is told to write no bytecode.
compiled: .venv/.ready
	@$(BIN)/python -m compileall -q compression_ops pipelines tests

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

benchmark: .venv/.ready
	$(BIN)/python benchmarks/figures.py $(RECIPE)

setup: .venv/.ready

.venv/.ready: pyproject.toml .constraints.txt
	@echo "setting up .venv: gigabytes of packages, which takes minutes and says nothing meanwhile"
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint .constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv .compression
