# Everything runs from the virtual environment in .venv; nothing outside this directory changes, except that `make test`
# installs Debian packages when it runs as root.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
CC := gcc
BIN := .venv/bin
STAMP := .venv/.built
TOOLS := .venv/.tools
CORE := CMakeLists.txt pyproject.toml $(wildcard native/*.py native/include/*.h native/src/*)
WITH_TOOLS := PATH="$(CURDIR)/$(BIN):$$PATH"

C_TESTS := $(patsubst native/tests/test_%.c,build/c/test_%,$(wildcard native/tests/test_*.c))
C_FLAGS := -std=c11 -g -O1 -Wall -Wextra -Werror -Wconversion -fno-omit-frame-pointer \
  -fsanitize=address,undefined -fno-sanitize-recover=all -Inative/include -Inative/src

PACKAGES := pcscd vsmartcard-vpcd opensc opensc-pkcs11 yubico-piv-tool openssl
PCSC_RUN := /run/pcscd

.PHONY: help build demo test test-c test-unit test-blackbox lint types packages wheel clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(STAMP) ## make the virtual environment and build the library in it

# cmake and ninja come from PyPI: the build asks nothing of the machine but a C compiler and Python with its headers.
$(BIN)/ninja:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	@$(PYTHON) -c 'import os, sys, sysconfig as s; p = s.get_path("include"); \
	  sys.exit(not os.path.exists(p + "/Python.h") and f"Python.h is not in {p}: on Debian, apt install python3-dev")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'scikit-build-core>=0.10' 'cffi>=1.16' 'cmake>=3.26' ninja

$(STAMP): $(BIN)/ninja $(CORE)
	$(WITH_TOOLS) $(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[all]'
	@touch $@

demo: $(STAMP) ## the two procedures of the manuals, step by step, with simulated cards
	$(BIN)/zorgid-card demo

test: packages test-c lint types ## everything: C tests, linters, type checkers, unit and black-box tests
	$(MAKE) test-unit
	$(MAKE) test-blackbox

test-c: $(C_TESTS) ## the tests of the C core under AddressSanitizer and UndefinedBehaviorSanitizer
	@for test in $(C_TESTS); do $$test 2>&1 | sed "s|^|$${test##*/}: |"; done | tee build/c/log
	@awk '/ passed, / { programs++; passed += $$2; failed += $$4 } \
	  END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || programs < $(words $(C_TESTS)) }' build/c/log

build/c/libpcsc_stub.so: tests/stubs/pcsc_stub.c
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -o $@ $<

build/c/test_pcsc: build/c/libpcsc_stub.so

build/c/test_%: native/tests/test_%.c native/tests/harness.h $(wildcard native/include/*.h native/src/*)
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) -o $@ $< native/src/*.c -ldl

test-unit: $(STAMP) $(TOOLS) ## the Python tests that need nothing but Python and gcc
	$(BIN)/pytest -m 'not blackbox'

# vpcd listens on all addresses, so it gets a network of its own; and pcscd a directory of its own.
test-blackbox: $(STAMP) $(TOOLS) ## the tests that drive other people's programs over a real pcscd (root)
ifeq ($(shell id -u),0)
	mkdir -p $(PCSC_RUN)
	unshare -n -m bash -c 'ip link set lo up && mount -t tmpfs none $(PCSC_RUN) && exec $(BIN)/pytest -m blackbox tests/blackbox'
else
	@echo 'SKIPPED: the black-box tests (tests/blackbox): they run a private pcscd in a network namespace, which needs root.'
endif

# yubikit is a peer. It comes without its dependencies: pyscard, which it would bring, needs the PC/SC headers, and is not used.
$(TOOLS): pyproject.toml | $(STAMP)
	$(BIN)/python -m pip install --quiet --group dev
	$(BIN)/python -m pip install --quiet --no-deps yubikey-manager
	@touch $@

lint: $(STAMP) $(TOOLS) ## ruff and import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(STAMP) $(TOOLS) ## mypy and pyright, strict
	$(BIN)/mypy
	$(BIN)/pyright

# Other people's programs, for the black-box tests.
packages:
ifeq ($(shell id -u),0)
	@command -v apt-get >/dev/null || { echo 'no apt-get: the black-box tests take what is installed'; exit 0; }; \
	missing=$$(dpkg-query -W -f '$${Status} $${Package}\n' $(PACKAGES) 2>/dev/null | awk '/^install ok/ { print $$4 }' \
	  | sort | comm -13 - <(printf '%s\n' $(PACKAGES) | sort)); \
	[ -z "$$missing" ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }
endif

wheel: $(STAMP) ## sdist, and from it the wheel, in dist/
	rm -rf dist
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

clean: ## remove everything that was made, the virtual environment too
	rm -rf .venv build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks native -name __pycache__ -type d -prune -exec rm -rf {} +
