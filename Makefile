# make demo | test | lint | bench.  Everything is set up in .venv; nothing outside is touched.
SHELL := /bin/bash
.DEFAULT_GOAL := test
.PHONY: demo test lint bench clean

VENV := .venv
PYTHON := $(VENV)/bin/python
MODEL ?=

# llama.cpp built by gcc 12 for a processor with AMX crashes at its first evaluation.
AMX_SAFE := -mno-amx-tile -mno-amx-int8 -mno-amx-bf16
LLM_BUILD := CMAKE_ARGS='-DCMAKE_C_FLAGS="$(AMX_SAFE)" -DCMAKE_CXX_FLAGS="$(AMX_SAFE)"'

# program:Debian package
DEMO_NEEDS := gcc:gcc g++:g++ as:binutils
TEST_NEEDS := $(DEMO_NEEDS) cmake:cmake clang:clang hyperfine:hyperfine csmith:csmith gdb:gdb ccache:ccache

# $(call need,PROGRAM:PACKAGE...): one line with the apt command if anything is missing.
define need
missing=; \
for pair in $(1); do command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
[ -z "$$missing" ] || { echo "missing programs; run: sudo apt-get install$$missing" >&2; exit 1; }
endef

SOURCES := pyproject.toml hatch_build.py superopt_cc/toolchain/options.tsv \
	$(shell find csrc -type f -name '*.[chS]')
PIP := $(PYTHON) -m pip --disable-pip-version-check

# A stamp lies in the .venv that it describes, so that removing .venv starts afresh.
$(VENV)/made:
	@$(call need,$(NEEDS))
	[ -x $(PYTHON) ] || python3 -m venv $(VENV)
	@touch $@

$(VENV)/made-demo: $(VENV)/made $(SOURCES)
	@$(call need,$(DEMO_NEEDS))
	$(PIP) install --quiet --editable .
	$(PYTHON) -m compileall -q superopt_cc
	@touch $@

$(VENV)/made-llm: $(VENV)/made
	@$(call need,$(DEMO_NEEDS) cmake:cmake)
	$(LLM_BUILD) $(PIP) install --quiet --prefer-binary 'llama-cpp-python>=0.3.16'
	@touch $@

$(VENV)/made-dev: $(VENV)/made $(SOURCES)
	$(PIP) install --quiet --editable '.[dev]'
	$(PYTHON) -m compileall -q superopt_cc
	@touch $@ $(VENV)/made-demo

demo: NEEDS := $(DEMO_NEEDS)
demo: $(VENV)/made-demo $(if $(MODEL),$(VENV)/made-llm)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SUPEROPT_BUDGET="$${SUPEROPT_BUDGET:-12}" \
		$(if $(MODEL),SUPEROPT_MODEL='$(abspath $(MODEL))') \
		$(MAKE) --no-print-directory -C examples/hashbench demo

test: NEEDS := $(TEST_NEEDS)
test: test-needs $(VENV)/made-dev $(VENV)/made-llm
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PYTHON) -m pytest -q -n 2

.PHONY: test-needs
test-needs:
	@$(call need,$(TEST_NEEDS))
	@[ -e /usr/include/csmith/csmith.h ] || \
		{ echo "missing header; run: sudo apt-get install libcsmith-dev" >&2; exit 1; }

lint: NEEDS := $(DEMO_NEEDS)
lint: $(VENV)/made-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Every one is run, even after one has missed its limit.
BENCHMARKS := $(addprefix benchmarks/,front_door.sh runner_speed.py mutate_speed.py verify_speed.py rebuild.py timing_aa.py) \
	'benchmarks/kernels.py --quick'

bench: NEEDS := $(DEMO_NEEDS) hyperfine:hyperfine
bench: $(VENV)/made-dev
	@$(call need,$(NEEDS))
	@missed=; for script in $(BENCHMARKS); do \
		echo "== $$script"; \
		case $$script in *.py*) $(PYTHON) $$script;; *) $$script;; esac || missed="$$missed $$script"; \
	done; [ -z "$$missed" ] || { echo "missed:$$missed" >&2; exit 1; }

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
