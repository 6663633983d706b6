# Each command sets up what it needs: a machine with Python 3.11 and make is enough.

PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin
READY := .venv/ready

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-seg demo-medical test slow gpu check clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with the pinned packages (once; 6 GB, most of it torch)

demo: $(READY) ## Train Faster R-CNN on 205 images of blood cells, print its AP, draw what it finds
	$(BIN)/python tools/train_det.py --config faster_rcnn_r18_bccd.yaml

demo-seg: $(READY) ## Train a segmenter on 40 images of cell nuclei, print its scores, draw what it finds
	$(BIN)/python tools/train_seg.py --config semantic_fpn_r18_nuclei.yaml

demo-medical: $(READY) ## Check 60 microscopy images, train 3 folds on them for 10 minutes, make the report
	$(BIN)/python tools/medical.py check --config medical_nuclei.yaml --output runs/medical_check
	$(BIN)/python tools/medical.py fit --config medical_nuclei.yaml budget=10min
	$(BIN)/python tools/medical.py report "$$(ls -td runs/medical_nuclei-* | head -1)"

test: $(READY) ## Run the tests
	$(PYTEST)

slow: $(READY) ## Run the tests that take minutes each
	$(PYTEST) -m "slow and not gpu"

gpu: $(READY) ## Run the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu

check: $(READY) ## Check format, style, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) tests/architecture

clean: ## Remove .venv, caches and built packages; runs/ stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One process for each core, each with one thread of torch: faster than one process with all of them.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=PATH"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[fast,dev]'
	@touch $@
