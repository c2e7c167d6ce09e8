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
.PHONY: help demo test test-long check lint types fast bench docs

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

check: lint types fast  ## lint, types, floors and fast tests: about a minute

fast: $(READY)
	$(BIN)/python -m pytest $(FAST)

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)  ## our loop beside a bare PyTorch loop and a textbook's, on MNIST (STEELYARD_DATA)
	$(BIN)/python benchmarks/mnist.py

docs: $(READY)  ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"
