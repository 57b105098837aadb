PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format bench bench-scan clean

demo: $(VENV)/.installed ## set up and judge the example plan
	@$(BIN)/governor check examples/plan.json --config examples/governor.yaml --source examples --exit-zero

test: $(VENV)/.dev ## set up and run every test
	$(BIN)/python -m pytest -n auto --cov --cov-report=term $(ARGS)

lint: $(VENV)/.dev ## style, types, policies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/governor lint policies

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev ## start-up, 1k, 10k and 50k resources against the floor; a commit and a tree of code
	$(BIN)/python bench/bench.py $(ARGS)
	$(BIN)/python bench/keys.py

bench-scan: $(VENV)/.dev ## a scan of 2,500 resources, 60 ms a request; beside Cloud Custodian where C7N=PATH or PATH has it
	$(BIN)/python bench/scan.py

$(VENV)/bin/python:
	@echo "Setting up $(VENV) …" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .coverage* .hypothesis
