# Everything runs from the virtual environment in .venv; nothing outside this directory changes, except that `make test`
# installs Debian packages when it runs as root.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
CORE := CMakeLists.txt pyproject.toml $(wildcard native/*.py native/include/*.h native/src/*)

.PHONY: help build demo test test-c test-unit test-blackbox lint types wheel clean
.DEFAULT_GOAL := help

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(STAMP) ## the virtual environment, with the library built in it

# cmake and ninja come from PyPI: the build asks nothing of the machine but a C compiler and Python's headers.
$(BIN)/ninja:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'scikit-build-core>=0.10' 'cffi>=1.16' 'cmake>=3.26' ninja

$(STAMP): $(BIN)/ninja $(CORE)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[dev]'
	touch $@
