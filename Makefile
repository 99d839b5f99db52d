# One line each, into the CLI or a tool. `make help` lists them.
PYTHON ?= python3
RUN = .venv/bin/
.DEFAULT_GOAL := help
.PHONY: help install demo up lint test tests bench bench-torch test-cluster containers

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# Compiled here and once: where PYTHONDONTWRITEBYTECODE is set, each process would compile TensorFlow
# again before it starts (12 s and not 5).
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN)python -m pip install --quiet --disable-pip-version-check uv
	$(RUN)uv pip install --quiet --compile-bytecode --python $(RUN)python --constraint constraints.txt --editable '.[all,dev]'
	touch $@

install: .venv/.installed  ## make .venv with the pinned set

demo: install  ## retrain once through Airflow and print the scorecard; BACKBONE=resnet50: another trunk
	$(RUN)catwalk demo $(if $(BACKBONE),--backbone $(BACKBONE))

up: install  ## MLflow, Airflow and the page together on 127.0.0.1
	$(RUN)catwalk up

lint: install  ## format check, lint, types, the arrows between the rooms
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports --no-cache

# Side by side, as the tests often wait: lint ends while the first of them run.
test: install  ## everything that .ci/run checks
	$(MAKE) --no-print-directory --jobs 2 lint tests

# Three at a time on two cores: many tests wait for a browser or a server. A file's tests share what
# they start.
tests: install
	$(RUN)python -m pytest --quiet --doctest-modules model_zoo/__init__.py
	$(RUN)python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 25

bench: install  ## the benchmarks at their smallest size: that they run, not what they measure
	$(RUN)python -m pytest -m benchmark

# PyTorch is what we are measured against, and no part of Catwalk. A build for CPUs is enough.
.venv-torch/.installed: Makefile
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy
	touch $@

bench-torch: install .venv-torch/.installed  ## training steps against the same networks in PyTorch
	$(RUN)python -m benchmarks.torch_peer

# An environment of its own: with these providers every `airflow` command starts more slowly.
.venv-cluster/.installed: .venv/.installed
	$(PYTHON) -m venv .venv-cluster
	$(RUN)uv pip install --quiet --compile-bytecode --python .venv-cluster/bin/python \
		--constraint constraints.txt --editable '.[all,cluster,dev]'
	touch $@

test-cluster: .venv-cluster/.installed  ## Celery, Redis, PostgreSQL and S3 on this machine
	.venv-cluster/bin/python -m pytest -m cluster -s

containers: install  ## build every image, run the workflow in containers, take them down
	$(RUN)python -m launcher.container.try_images
