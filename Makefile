# Everything a fresh machine needs: Python >= 3.11 with venv, and make.
.DEFAULT_GOAL := help
UV := .uv/bin/uv
PY := .venv/bin/python
# Tests in which real browsers meet, or all that is sent is counted, want both cores: they come one after another.
MEETINGS := $(addprefix tests/,bench/test_assembly.py clients net/test_through.py net/test_ipv6.py \
  $(addprefix journey/,test_journey.py test_kill.py test_layers.py test_media.py test_spread.py))
WORKERS := --dist loadfile --no-loadscope-reorder --tx '2*popen//python=$(PY) -X dev'
CLIENT := $(shell find web/client -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: help run demo test check format lock generate setup browser screens

help:  ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*##/:/' | column -t -s:

$(UV):
	@python3 -m venv .uv && .uv/bin/pip install -q --disable-pip-version-check uv

.venv/ready: requirements.lock pyproject.toml | $(UV)
	@test -d .venv || $(UV) venv -q --python python3 .venv
	@$(UV) pip sync -q requirements.lock
	@touch $@

.venv/client: .venv/ready $(CLIENT)
	@$(PY) web/client/build.py
	@touch $@

setup: .venv/client  ## install packages and build the browser application

run: setup  ## start the product
	@exec $(PY) server.py up

demo: setup  ## fill an office: two provinces, people, an upcoming and a finished meeting
	@$(PY) server.py demo

generate: .venv/ready  ## write the files that follow from the code (TypeScript types, diagrams, OpenAPI)
	@$(PY) -m docs.generate

format: .venv/ready  ## put the code in its form
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

check: setup  ## format, lint, types, import contracts, generated files, bundle budgets
	@.venv/bin/ruff format --check -q .
	@.venv/bin/ruff check -q .
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports
	@$(PY) -m docs.generate --check
	@$(PY) web/client/build.py --check

browser:
	@sh tests/packages.sh

test: check browser  ## every check and every test
	@$(PY) -m pytest $(WORKERS) $(MEETINGS:%=--ignore=%)
	@$(PY) -X dev -m pytest $(MEETINGS)

screens: setup browser  ## picture every page into docs/screens
	@rm -rf var/screens && mkdir -p var && $(PY) -m pytest -q tests/journey/test_pages.py --basetemp=var/screens
	@$(PY) -m docs.screens var/screens/screens

lock: | $(UV)  ## renew requirements.lock
	@$(UV) pip compile -q --no-emit-index-url --generate-hashes --all-extras --no-annotate --no-header \
	  pyproject.toml -o requirements.lock
