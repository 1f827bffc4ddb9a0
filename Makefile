# make run     the main job: notebook 01, headless; prints its table, writes out/
# make test    check, the coverage leg without JIT, the tests with JIT
# make help    everything else
#
# Everything happens inside this checkout: .venv (the environment), .cache (what Jupyter, IPython and
# matplotlib would keep in HOME), out (results).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The first of these that runs; override with `make env PYTHON=/path/to/python3.11`.
PYTHON ?= $(firstword $(foreach p,python3.11 python3 python,$(shell $(p) -c pass >/dev/null 2>&1 && echo $(p))))
EXTRAS := cluster,app,docs,test,dev
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.made
OUT    ?= out
COV_MIN ?= 80
# Test files side by side; each file's tests stay in one process.
JOBS ?= 2
PYTEST_ARGS ?=
# Of `make fuzz`.
MINUTES ?= 5
SEED ?= 1

# Neither the user's site-packages nor the configuration in HOME changes a result. (pip's own
# configuration is still read: it says where packages come from.)
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP MPLBACKEND JUPYTER_PATH JUPYTER_CONFIG_PATH
unexport NUMBA_DISABLE_JIT NUMBA_BOUNDSCHECK
# Nor does it compile all modules anew in each process.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONNOUSERSITE := 1
export PIP_USER := 0
export PIP_REQUIRE_VIRTUALENV := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JUPYTER_PREFER_ENV_PATH := 1
export JUPYTER_CONFIG_DIR := $(CURDIR)/.cache/jupyter/config
export JUPYTER_DATA_DIR := $(CURDIR)/.cache/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/.cache/jupyter/runtime
export IPYTHONDIR := $(CURDIR)/.cache/ipython
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help env run test quick check compiled test-jit test-nojit coverage fuzz format lab app docs bench lock data-sums clean distclean

help:           ## this list
	@sed -nE 's/^([a-z-]+):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

env: $(STAMP)   ## only the environment, .venv, as constraints.txt pins it

$(STAMP): pyproject.toml constraints.txt
	@$(call need_python)
	@mkdir -p .cache
	$(PYTHON) -m venv $(if $(shell $(PY) -c 'import pip' 2>/dev/null || echo broken),--clear) $(VENV)
	$(PY) -m pip install --quiet --constraint constraints.txt hatchling editables
	$(PY) -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[$(EXTRAS)]'
	@$(PY) -m pip check
	$(PY) -m wpbench.jit.build  # a first run needs no numba
	@touch $@

run: env        ## the main job: notebook 01 headless, its table on stdout, files in out/
	$(PY) -m wpbench notebook 01-reproducer --out $(OUT)/

test: env       ## all of: check, tests without JIT and with it, coverage of both
	@# a core each; then all cores
	@$(MAKE) --no-print-directory -j2 --output-sync=target check compiled test-nojit JOBS=0
	@$(MAKE) --no-print-directory test-jit coverage

quick: env      ## for the inner loop: ruff, mypy, and the machine's tests as plain Python
	$(PY) -m ruff check .
	$(PY) -m mypy
	MPLBACKEND=agg NUMBA_DISABLE_JIT=1 $(PY) -m pytest -m nojit -n $(JOBS) -q -x $(PYTEST_ARGS)

check: env      ## ruff, formatting, mypy, notebooks without outputs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	@shopt -s nullglob; books=(notebooks/*.ipynb); \
	  if (($${#books[@]})); then $(PY) -m nbstripout --verify "$${books[@]}"; fi

compiled: env
	$(PY) -c 'import wpbench as wb; wb.simulate(wb.Scenario(npages=1, rounds=1))'  # once, not in each test file

test-jit: compiled  ## the tests as users run the code: compiled
	@# in the order of tests/conftest.py: xdist's own would begin the longest file, which has few tests, at the end
	MPLBACKEND=agg COVERAGE_FILE=.coverage.jit $(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report= $(PYTEST_ARGS)

test-nojit: env ## the tests of machine and workloads, marked nojit, as plain Python: coverage sees in there
	MPLBACKEND=agg COVERAGE_FILE=.coverage.plain NUMBA_DISABLE_JIT=1 \
	  $(PY) -m pytest -m nojit -n $(JOBS) --cov --cov-report= $(PYTEST_ARGS)

coverage: env   ## what the two legs have run, together
	$(PY) -m coverage combine --keep --quiet .coverage.jit .coverage.plain
	$(PY) -m coverage report --fail-under=$(COV_MIN)

fuzz: env       ## hostile inputs, MINUTES=5 of them (SEED=1): tests/fuzz/run.py
	$(PY) tests/fuzz/run.py --minutes $(MINUTES) --seed $(SEED)

format: env     ## let ruff repair and format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lab: env        ## JupyterLab on notebooks/
	$(PY) -m jupyterlab $(AS_ROOT) --notebook-dir=notebooks

# As JupyterLab by itself: for this machine alone, under its own names (allow_remote_access is not
# true), and with a token. Voila's browser would open without the token; the address is printed.
APP := --token --Voila.ip=127.0.0.1 --Voila.tornado_settings=allow_remote_access= --no-browser

app: env        ## the notebooks as a web page (voila), at the address that it prints
	$(PY) -m voila $(APP) notebooks

docs: env       ## the documentation with executed notebooks: out/site/index.html (two minutes)
	$(PY) -m sphinx -W --keep-going -q -c docs . $(OUT)/site

bench: env      ## benchmarks/run.py: a table, and out/bench.json (about twenty minutes)
	$(PY) benchmarks/run.py --json $(OUT)/bench.json

lock:           ## constraints.txt anew: what pyproject.toml resolves to today
	@$(call need_python)
	tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	  $(PYTHON) -m venv "$$tmp/venv"; \
	  "$$tmp/venv/bin/python" -m pip install --quiet --editable '.[$(EXTRAS)]'; \
	  { sed '/^#/!d' constraints.txt; "$$tmp/venv/bin/python" -m pip freeze --exclude-editable; } > "$$tmp/new"; \
	  cp "$$tmp/new" constraints.txt

data-sums:      ## data/SHA256SUMS anew, after a data file was changed on purpose
	cd data && find . -type f ! -name SHA256SUMS ! -path ./README.md -printf '%P\n' | LC_ALL=C sort \
	  | xargs -d '\n' sha256sum > SHA256SUMS

clean:          ## remove results and caches, keep .venv
	rm -rf $(OUT) .cache build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -path ./.git -prune -o \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -print0 | xargs -0 -r rm -rf

distclean: clean  ## ... and .venv
	rm -rf $(VENV)

define need_python
if [ -z "$(PYTHON)" ]; then \
  echo "make: no Python found; wpbench needs 3.11 or newer: make env PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "make: $(PYTHON) does not run or is older than 3.11 ($$($(PYTHON) --version 2>&1)); try: make env PYTHON=/path/to/python3.11" >&2; exit 1; }; \
$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
  echo "make: $(PYTHON) lacks the venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
endef
