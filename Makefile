# One line each, into the CLI or a tool. `make help` lists them.
PYTHON ?= python3
RUN = .venv/bin/
.DEFAULT_GOAL := help
.PHONY: help install demo up test lint

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN)python -m pip install --quiet --disable-pip-version-check uv
	$(RUN)uv pip install --quiet --python $(RUN)python --constraint constraints.txt --editable '.[all,dev]'
	touch $@

install: .venv/.installed  ## make .venv with the pinned set

demo: install  ## retrain once through Airflow and print the scorecard
	$(RUN)catwalk demo

up: install  ## MLflow, Airflow and the page together on 127.0.0.1
	$(RUN)catwalk up

lint: install  ## format check, lint, types
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy

test: lint  ## everything that .ci/run checks
	$(RUN)python -m pytest
