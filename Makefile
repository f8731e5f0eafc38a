# `make repro` regenerates everything, `make test` checks everything, `make bench` measures speed.
PYTHON ?= python3.11
BIN := .venv/bin
export DVC_NO_ANALYTICS = 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

# as many processes as there are threads; a process takes up to 1 GB
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -q -n logical --maxprocesses=8 --no-loadscope-reorder

.PHONY: repro test check test-changed test-cluster lint bench slurm-proof clean-venv

repro: .venv/installed
	$(BIN)/dvc repro
	@echo "open reports/site/index.html"

test: lint
	$(PYTEST) --dist loadfile -m "not cluster"

# Within a minute: lint, types, and the tests nearest to what changed since the last commit, or since
# another: `make check SINCE=main`. What is further away is listed.
check:
	$(MAKE) --jobs=2 --output-sync=target lint test-changed

test-changed: .venv/installed
	files=$$($(BIN)/python tests/helpers/selection.py $(SINCE)) && \
	{ test -z "$$files" || $(PYTEST) --dist loadfile -m "not cluster" $$files || test $$? -eq 5; }

# What clusters do to jobs, on a real one-node SLURM (slurm-wlm, munge).
test-cluster: .venv/installed
	$(PYTEST) --dist loadgroup -m cluster

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# On an idle machine; rewrites benchmarks/results/ and the tables in docs/speed.md.
bench: .venv/installed
	$(BIN)/python -m benchmarks.inference --page docs/speed.md
	$(BIN)/python -m benchmarks.training --page docs/speed.md

# The mini profile through a real one-node SLURM, compared with what `make repro` computed; after it.
slurm-proof: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.slurm_proof

# Installed once; again only when the requirements change.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	touch $@

clean-venv:
	rm -rf .venv
