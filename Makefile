# `make help` lists the targets. Needs Python 3.11 to 3.13; `make PYTHON=python3.12 run` picks one.
PYTHON ?= python3
VENV := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-fast lint format lock install-app install-dev

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: install-app ## Install what is missing and run the whole portal at http://127.0.0.1:8000 (PORT, PORTAL_HOME)
	@exec $(VENV)/python manage.py up

test: install-dev ## Install what is missing and run every test
	@exec $(VENV)/python -m scripts.run_tests

test-fast: install-dev ## The same without the model and the browser
	@exec $(VENV)/python -m scripts.run_tests --fast

lint: install-dev ## Check style, types, templates and who imports whom
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy .
	$(VENV)/djlint --check templates
	$(VENV)/djlint --quiet --lint templates
	$(VENV)/lint-imports

format: install-dev ## Rewrite the code in the house's format
	$(VENV)/ruff check --fix-only .
	$(VENV)/ruff format .
	-$(VENV)/djlint --quiet --reformat templates

lock: install-dev ## Resolve every dependency anew into requirements/
	@$(VENV)/python scripts/lock.py

install-app:
	@command -v $(PYTHON) >/dev/null || { echo "The portal needs Python 3.11, 3.12 or 3.13 and there is no $(PYTHON): install it." >&2; exit 1; }
	@$(PYTHON) -S scripts/install.py app

install-dev:
	@command -v $(PYTHON) >/dev/null || { echo "The portal needs Python 3.11, 3.12 or 3.13 and there is no $(PYTHON): install it." >&2; exit 1; }
	@$(PYTHON) -S scripts/install.py dev
