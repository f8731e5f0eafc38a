# `make repro` regenerates everything, `make verify` compares it with the committed digests,
# `make test` checks everything, `make bench` measures speed, `make upgrade` renews the versions.
PYTHON ?= python3.11
BIN := .venv/bin
export DVC_NO_ANALYTICS = 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

# as many processes as there are threads; a process takes up to 1 GB
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -q -n logical --maxprocesses=8 --no-loadscope-reorder

PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: repro verify upgrade test check test-changed test-cluster test-digits lint bench slurm-proof clean-venv

repro: .venv/installed
	$(BIN)/dvc repro
	@echo "open reports/site/index.html"

# After `make repro`: the same digits as committed, or which differ, by how much, and why.
verify: .venv/installed
	$(BIN)/bench verify

# Newest versions within the ranges of pyproject.toml, everything again with them, then the lock and
# the digests. They are written at the end: where something fails before, the next make installs the
# old lock again.
upgrade:
	rm -f .venv/installed
	$(PYTHON) -m venv --clear .venv
	$(PIP) --editable '.[all]'
	$(BIN)/dvc repro
	$(BIN)/bench verify --write --lock
	touch .venv/installed

test: lint
	$(PYTEST) --dist loadfile -m "not cluster and not digits"

# Within a minute: lint, types, and the tests nearest to what changed since the last commit, or since
# another: `make check SINCE=main`. What is further away is listed.
check:
	$(MAKE) --jobs=2 --output-sync=target lint test-changed

test-changed: .venv/installed
	files=$$($(BIN)/python tests/helpers/selection.py $(SINCE)) && \
	{ test -z "$$files" || $(PYTEST) --dist loadfile -m "not cluster and not digits" $$files || test $$? -eq 5; }

# What clusters do to jobs, on a real one-node SLURM (slurm-wlm, munge).
test-cluster: .venv/installed
	$(PYTEST) --dist loadgroup -m cluster

# The same digits on processors of other makers, which qemu emulates (qemu-user).
test-digits: .venv/installed
	$(PYTEST) --maxprocesses=1 -m digits tests/test_digits.py

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# On an idle machine; rewrites benchmarks/results/ and the tables in docs/speed.md.
bench: .venv/installed
	$(BIN)/python -m benchmarks.inference --page docs/speed.md
	$(BIN)/python -m benchmarks.training --page docs/speed.md
	$(BIN)/python -m benchmarks.arithmetic --page docs/speed.md

# The mini profile through a real one-node SLURM, compared with what `make repro` computed; after it.
slurm-proof: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.slurm_proof

# Installed once; again when the requirements or the lock change. The lock is of one platform: on
# another the ranges of pyproject.toml count.
.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	if test "$$($(BIN)/python -c 'import platform as p; print(p.system(), p.machine(), *p.python_version_tuple()[:2])')" = "Linux x86_64 3 11"; then \
	  $(PIP) --requirement requirements.lock && $(PIP) --no-deps --no-build-isolation --editable .; \
	else \
	  echo "requirements.lock is for Python 3.11 on Linux, x86-64: here the ranges of pyproject.toml count, and digits may differ"; \
	  $(PIP) --editable '.[all]'; \
	fi
	touch $@

clean-venv:
	rm -rf .venv
