# The same in plain commands, for machines without make: see README.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# How long make soak plays the whole hospital, in seconds.
SOAK_S ?= 3600

.PHONY: run test bench bench-check selfcheck fuzz soak lint bundle-windows rehearse-night clean

run: $(STAMP)
	$(BIN)/medharness run --jobs 6 --tags "not (@slow or @extended)"

test: $(STAMP)
	$(BIN)/python tests/run_all.py

bench: $(STAMP)
	$(BIN)/python tests/bench/run.py

bench-check: $(STAMP)
	$(BIN)/python tests/bench/run.py --check

selfcheck: $(STAMP)
	$(BIN)/medharness selfcheck
	MEDHARNESS_TESTS=whole $(BIN)/python -m pytest -q -m slow -n 2 --dist loadgroup

fuzz: $(STAMP)
	MEDHARNESS_FUZZ=nightly $(BIN)/python -m pytest tests/fuzz -q -n 2
	$(BIN)/python tests/fuzz/guided.py

soak: $(STAMP)
	$(BIN)/python tests/soak/hospital.py --seconds $(SOAK_S)
	$(BIN)/python tests/soak/stores.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(STAMP): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $(STAMP)

# One ZIP for Windows; needs the network while it is built, not where it runs.
bundle-windows: $(STAMP)
	rm -rf build/windows build/own
	$(BIN)/python -m build --wheel --no-isolation --outdir build/own
	$(BIN)/python -m harness.site.bundle --own "$$(ls build/own/*.whl)" --wheels build/windows

# The night of an upgrade with two simulated operators: plan, run, break, resume, conclusion.
rehearse-night: $(STAMP)
	$(BIN)/python tests/harness/site/night_walk.py

clean:
	rm -rf $(VENV) runs build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
