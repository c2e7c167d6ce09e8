# Every command makes .venv first if it is not there, or where what it is made from has changed.
SHELL := bash
BIN := .venv/bin
READY := .venv/ready

# Real data sets for the tests that measure on them; without them those tests skip with a reason.
ifndef STEELYARD_DATA
ifneq ($(wildcard ../shared/data/.),)
export STEELYARD_DATA := $(abspath ../shared/data)
endif
endif

# The tests of the floors that need no model: they take seconds.
FAST := tests/house tests/math tests/recipe

.DEFAULT_GOAL := help
.PHONY: help demo test test-long faults check lint types fast bench docs

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

$(READY): pyproject.toml constraints.txt tests/pretrained.txt scripts/setup.sh
	@scripts/setup.sh
	@touch $@

demo: $(READY)  ## train and weigh two small models on built-in data, and say what was found: under two minutes
	@scripts/demo.sh

test: $(READY)  ## all tests but those marked long
	$(BIN)/python -m pytest

test-long: $(READY)  ## all tests: simulations, the wheel, runs on real data
	$(BIN)/python -m pytest -m "long or not long"

faults: $(READY)  ## every fault of docs/reliability.md, in its long form: an hour or two, as root for the real full disk
	$(BIN)/python -m pytest -s -m "long or not long" -o faulthandler_timeout=0 tests/faults tests/engine/test_exact_resume.py

check: lint types fast  ## lint, types, floors and fast tests: about a minute

fast: $(READY)
	$(BIN)/python -m pytest $(FAST)

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)  ## every table of docs/benchmarks.md (STEELYARD_DATA): some two hours on two quiet cores
	$(BIN)/pip install --quiet --constraint constraints.txt accelerate lightning
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/mnist.py
	$(BIN)/python benchmarks/cifar.py
	$(BIN)/python benchmarks/bert_step.py
	$(BIN)/python benchmarks/trec.py
	$(BIN)/python benchmarks/recipes.py --seeds 3 mnist-fast trec trec-scratch sst2 sst2-pretrained
	$(BIN)/python benchmarks/recipes.py thucnews cifar10
	$(BIN)/python benchmarks/memory.py 2000

docs: $(READY)  ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"
