# `make run` starts the default demo, `make test` the whole suite; both need only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the comparison with PyTorch needs and nothing else does: pinned apart from what the other commands install.
BENCH_ONLY = $(shell sed 's/==.*//' constraints-bench.txt)

.PHONY: run test quick check bench lock clean

run: $(VENV)/.run
	$(BIN)/ampviz run listred

test: $(VENV)/.dev
	$(BIN)/python -m pytest

quick: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow"

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Compares with PyTorch, which only this installs; without it, `python -m benchmarks` measures the rest.
bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

# The constraints file is what both commands install from; run this after a change of the ranges in pyproject.toml.
lock: $(VENV)/.dev
	$(BIN)/pip freeze --exclude-editable $(BENCH_ONLY:%=--exclude %) > constraints.txt

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml constraints.txt constraints-bench.txt $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-bench.txt -e '.[bench]'
	touch $@
