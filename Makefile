# One line each, into the CLI or a tool. `make help` lists them.
PYTHON ?= python3
RUN = .venv/bin/
.DEFAULT_GOAL := help
# Else every process that a test starts compiles our modules again, a seventh of a second each.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help install demo up lint test docstrings tests bench bench-torch test-cluster containers lock sbom audit

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# What nearly every process imports is compiled here and once: where PYTHONDONTWRITEBYTECODE is set,
# each would compile TensorFlow again before it starts (12 s and not 5). All packages take three times
# as long to compile.
COMPILED = tensorflow keras mlflow airflow sqlalchemy sklearn scipy numpy pandas
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/^[a-z]/{/^uv==/p;/^ /p}' constraints.txt > .venv/uv.txt
	$(RUN)python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .venv/uv.txt
	$(RUN)uv pip install --quiet --python $(RUN)python --constraint constraints.txt --editable '.[all,dev]'
	cd .venv/lib/python3*/site-packages && ../../../bin/python -m compileall -qq -j 0 -x /tests/ $(COMPILED)
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

# Side by side, as the tests often wait: the others end while the first of them run.
test: install  ## everything that .ci/run checks
	$(MAKE) --no-print-directory --jobs 3 lint docstrings tests

# A process of its own: the examples register plugins.
docstrings: install
	$(RUN)python -m pytest --quiet --doctest-modules model_zoo/__init__.py

# Four at a time on two cores: many tests wait for a browser, a server, a process that they started;
# with three a fifth of the processors' time was idle. A file's tests share what they start.
tests: install
	$(RUN)python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations 25

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

# What is pinned stays so unless pyproject.toml asks for another; UPGRADE=--upgrade: the newest of all,
# UPGRADE='--upgrade-package NAME': of one. For every platform and Python that pyproject.toml allows.
lock:  ## make constraints.txt again: each package with its version and the hashes of its files
	$(RUN)uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --all-extras $(UPGRADE) pyproject.toml --output-file constraints.txt

# Its own check against CycloneDX's schema takes minutes and finds what the tool itself wrote.
sbom: install  ## sbom.json: what is installed, as CycloneDX
	$(RUN)uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py environment .venv/bin/python \
		--pyproject pyproject.toml --no-validate --output-reproducible --output-file sbom.json

audit: install  ## known advisories about what constraints.txt pins; OFFLINE=pass where none can be asked
	PATH="$(CURDIR)/.venv/bin:$$PATH" OFFLINE=$(OFFLINE) .ci/audit constraints.txt

containers: install  ## build every image, run the workflow in containers, take them down
	$(RUN)python -m launcher.container.try_images
