# Everything runs from the virtual environment in .venv; nothing outside this directory changes, except that `make test`
# installs Debian packages when it runs as root.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.built
TOOLS := .venv/.tools
CORE := CMakeLists.txt pyproject.toml native/CMakeLists.txt $(wildcard native/*.py native/hot/* native/include/*.h native/src/*)
WITH_TOOLS := MAKEFLAGS= PATH="$(CURDIR)/$(BIN):$$PATH"

# The C core is tested with each of these compilers that is installed. Clang brings libFuzzer.
COMPILERS := $(shell for compiler in gcc clang; do command -v $$compiler >/dev/null && echo $$compiler; done)
SECONDS := 60
CMAKE := $(WITH_TOOLS) cmake -S native --log-level=WARNING

PACKAGES := pcscd vsmartcard-vpcd opensc opensc-pkcs11 yubico-piv-tool openssl \
  libengine-pkcs11-openssl openssh-client openssh-server gnupg scdaemon libcacard0 libnss3-tools \
  ykcs11 gnutls-bin libpcsclite-dev softhsm2 nginx-light apache2-bin haproxy nodejs \
  xmlsec1 postgresql opensaml-schemas xmltooling-schemas strongswan-pki libstrongswan-standard-plugins \
  chromium pinentry-curses pinentry-tty g++ pkgconf clang libclang-rt-dev valgrind
PCSC_RUN := /run/pcscd
VPCD := /etc/reader.conf.d/vpcd

.PHONY: help build bench load demo test test-c test-binding ctgrind fuzz fuzz-build fuzz-smoke fuzz-report test-unit test-blackbox test-blackbox-1 test-blackbox-2 test-browser screenshots test-torture torture lint types packages migration wheel clean

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

test: packages lint ## everything: C tests, fuzzing for a minute, linters, type checkers, unit and black-box tests, torture
	$(MAKE) -j2 --output-sync=target types test-c test-binding fuzz-smoke
	$(MAKE) -j3 --output-sync=target test-unit $(HALVES) test-browser
	$(MAKE) test-torture

test-c: $(COMPILERS:%=test-c-%) ctgrind ## the tests of the C core under both sanitizers, with gcc and clang, and ctgrind

test-c-%: $(BIN)/ninja
	@$(CMAKE) --preset asan -B build/native/asan-$* -DCMAKE_C_COMPILER=$* >/dev/null
	@$(WITH_TOOLS) cmake --build build/native/asan-$* -- --quiet
	@for test in build/native/asan-$*/test_*; do $$test 2>&1 | sed "s|^|$*: $${test##*/}: |"; done | tee build/native/asan-$*/log
	@awk -v programs=$(words $(wildcard native/tests/test_*.c)) '/ passed, / { reported++; passed += $$3; failed += $$5 } \
	  END { print "$*: " passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || reported < programs }' build/native/asan-$*/log

# The hand-written binding under the sanitizers, driven by the unit tests that use it. The copy with them is found before the
# editable one because no .pth file is read (-S); an interpreter leaks by itself, so leaks are looked for in test_native_binding.
SANITIZED := build/sanitized
BOUND := tlv certificate text revoked apdu exchange link scp03 scp03_card piv_messaging pcsc native_binding native_codecs

test-binding: $(STAMP) $(TOOLS) ## the tests of the hand-written binding, under both sanitizers
	$(WITH_TOOLS) $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --upgrade --target $(SANITIZED)/site \
	  -C cmake.define.ZC_SANITIZE=address,undefined -C cmake.define.ZC_WERROR=ON -C cmake.build-type=RelWithDebInfo \
	  -C build-dir=$(SANITIZED)/build .
	LD_PRELOAD=$$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:use_sigaltstack=0 \
	  PYTHONPATH=$(SANITIZED)/site:$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
	  $(BIN)/python -S -c 'import sys, pytest, zorgid_card; assert "$(SANITIZED)" in zorgid_card.__file__; sys.exit(pytest.main(sys.argv[1:]))' \
	  -q -p no:cacheprovider $(BOUND:%=tests/unit/test_%.py)

# Secret bytes are marked undefined, and valgrind reports each branch and each index that depends on one.
ctgrind: $(BIN)/ninja ## whether the C core's time depends on keys and PINs, under valgrind
	@if command -v valgrind >/dev/null; then \
	  $(CMAKE) --preset ctgrind >/dev/null && $(WITH_TOOLS) cmake --build build/native/ctgrind -- --quiet && \
	  for test in build/native/ctgrind/ctgrind_*; do \
	    { valgrind --quiet --error-exitcode=1 $$test && echo "$${test##*/}: nothing depends on secrets"; } || exit 1; done; \
	else echo 'SKIPPED: ctgrind (native/tests/ctgrind_*.c): it needs valgrind.'; fi

fuzz: fuzz-build ## fuzz the C core: SECONDS=n in all, or RUNS=n for each target; TARGETS="atr tlv" for some
	@$(PYTHON) native/fuzz/run.py run build/native/fuzz $(TARGETS) $(if $(RUNS),--runs $(RUNS),--seconds $(SECONDS))

fuzz-build: $(BIN)/ninja
	@$(CMAKE) --preset fuzz >/dev/null
	@$(WITH_TOOLS) cmake --build build/native/fuzz -- --quiet

# A minute for all targets together.
fuzz-smoke:
	@if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; \
	then $(MAKE) --no-print-directory fuzz SECONDS=60; \
	else echo 'SKIPPED: the fuzz targets (native/fuzz): they need clang and its libFuzzer.'; fi

fuzz-report: ## write the outcome of the last fuzz runs into docs/native-hardness.md
	@$(PYTHON) native/fuzz/run.py report build/native/fuzz docs/native-hardness.md

test-unit: $(STAMP) $(TOOLS) ## the Python tests that need nothing but Python and gcc
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not blackbox'

# vpcd listens on all addresses, so it gets a network of its own; and pcscd a directory of its own. These tests wait more than they
# work: half of the files at a time.
BLACKBOX := $(wildcard tests/blackbox/test_*.py)
HALVES := test-blackbox-1 test-blackbox-2

test-blackbox: ## the tests that drive other people's programs over a real pcscd (root)
	$(MAKE) -j2 --output-sync=target $(HALVES)

$(HALVES): $(STAMP) $(TOOLS)
ifeq ($(shell id -u),0)
	mkdir -p $(PCSC_RUN)
	unshare -n -m bash -c 'ip link set lo up && mount -t tmpfs none $(PCSC_RUN) && exec $(BIN)/pytest -m blackbox \
	  $(shell printf '%s\n' $(sort $(BLACKBOX)) | awk 'NR % 2 == $(@:test-blackbox-%=%) % 2')'
else
	@echo 'SKIPPED: the black-box tests (tests/blackbox): they run a private pcscd in a network namespace, which needs root.'
endif

# As for the black-box tests; the portal gets an address and a name there (tests/browsing/place.py).
test-browser: $(STAMP) $(TOOLS) ## both manuals and the management in a browser: portal, agent, pinentry, cards and phone (root)
	$(call browsed,)

screenshots: $(STAMP) $(TOOLS) ## the same, and docs/images anew where a page has changed (root)
	$(call browsed,ZORGID_SCREENSHOTS=1)

define browsed
@if [ $$(id -u) = 0 ]; then mkdir -p $(PCSC_RUN) && $(1) unshare -n -m bash -c 'ip link set lo up && mount -t tmpfs none $(PCSC_RUN) && \
  exec $(BIN)/pytest tests/browser'; \
else echo 'SKIPPED: the browser tests (tests/browser): they run a private pcscd in a network namespace, which needs root.'; fi
endef

# vpcd and pcscd as for the black-box tests.
TORTURE := PYTHONPATH=tests unshare -n -m bash -c 'ip link set lo up && mount -t tmpfs none $(PCSC_RUN) && exec "$$@"' - $(BIN)/python -m torture

test-torture: $(STAMP) $(TOOLS) ## cards with P-256 keys, cut once in every place, in the ways in turns, each ending judged (root)
	$(call tortured,--algorithms ECCP256 --seeds 0 --distinct --turns 3 --renewed 97)

torture: $(STAMP) $(TOOLS) ## both kinds of keys, and 500 runs with several cuts; into docs/interruptions.md; RUN=name for one run (root)
	$(call tortured,$(if $(RUN),--run $(RUN),--remade --renewed 1 --report docs/interruptions.md))

define tortured
@if [ $$(id -u) = 0 ]; then mkdir -p $(PCSC_RUN) && $(TORTURE) $(1); \
else echo 'SKIPPED: the torture of card creation (tests/torture): it runs a private pcscd in a network namespace, which needs root.'; fi
endef

# yubikit is a peer, jcecard a card; they come without what they would bring and is not used here. pyscard has no wheels for Linux:
# without the PC/SC headers its tests are skipped.
$(TOOLS): pyproject.toml | $(STAMP)
	$(BIN)/python -m pip install --quiet --group dev
	$(BIN)/python -m pip install --quiet --no-deps yubikey-manager fido2 jcecard==0.1.0
	@$(BIN)/python -m pip install --quiet --no-deps 'pyscard>=2.1' 2>/dev/null \
	  || echo 'pyscard could not be built (Debian: libpcsclite-dev): its tests are skipped'
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

# The peers go into a directory of their own. pyscard has no wheels for Linux: building it takes swig and the PC/SC headers.
BENCH := build/bench

bench: $(STAMP) $(BENCH)/.peers $(BENCH)/libpcsclite.so.1 ## measure against the peers; GROUPS="tlv crl" for some, which keeps nothing
	PYTHONPATH=$(BENCH)/peers LD_LIBRARY_PATH=$(BENCH) $(BIN)/python benchmarks/run.py $(GROUPS)
	$(if $(GROUPS),,$(BIN)/python benchmarks/opening.py)

$(BENCH)/.peers: | $(STAMP)
	@mkdir -p $(@D)
ifeq ($(shell id -u),0)
	@pkg-config --exists libpcsclite 2>/dev/null && command -v swig >/dev/null && command -v pkcs11-tool >/dev/null && test -e $(VPCD) && test -d /usr/lib/postgresql \
	  || { command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	  --no-install-recommends swig libpcsclite-dev pkgconf gcc pcscd vsmartcard-vpcd opensc opensc-pkcs11 postgresql; } \
	  || echo 'the Debian packages that peers need could not be installed: what needs them is skipped'
endif
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(BENCH)/peers yubikey-manager
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(BENCH)/peers pyscard || echo 'pyscard could not be built: its rows are skipped'
	@touch $@

$(BENCH)/libpcsclite.so.1: benchmarks/card_in_memory.c
	@mkdir -p $(@D)
	cc -O2 -Wall -Wextra -shared -fPIC -Wl,-soname,$(@F) -o $@ $<

load: $(STAMP) $(TOOLS) ## two workers, 500 people who log in, administrators who manage, one worker killed; into docs/load.md (PostgreSQL)
	$(BIN)/python benchmarks/load.py --keep

migration: $(STAMP) $(TOOLS) ## write the migration that changed records ask for: NAME="what changes"
	PYTHONPATH=tests $(BIN)/python -m new_migration "$(NAME)"

wheel: $(STAMP) ## sdist, and from it the wheel, in dist/
	rm -rf dist
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

clean: ## remove everything that was made, the virtual environment too
	rm -rf .venv build dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks native -name __pycache__ -type d -prune -exec rm -rf {} +
