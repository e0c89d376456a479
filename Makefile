# `make demo` and `make test` need only Python 3.10-3.13 and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-slow lint bench clean

demo: $(READY)  ## score three sets of answers to the embedded demo split
	@$(BIN)/python tools/demo.py

test: $(READY) lint  ## lint, types and tests
	$(BIN)/pytest -m "not slow"

test-slow: $(READY)  ## whole command lines and engines
	$(BIN)/pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## the figures in benchmarks/README.md
	$(BIN)/python benchmarks/judge_speed.py
	$(BIN)/python benchmarks/overhead.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
