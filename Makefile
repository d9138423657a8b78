# Everything runs in .venv, made on first use with $(PYTHON), which must be 3.11 or newer.
PYTHON ?= python3
FLOW ?= sample_flows/research.py
BIN := .venv/bin

.PHONY: demo test check format bench snapshots picture wheel clean

demo: .venv/.installed  ## open the application on a sample
	$(BIN)/wf-tui $(FLOW)

test: .venv/.installed-dev  ## pass the tests
	$(BIN)/python -m pytest -n 2

check: .venv/.installed-dev  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed-dev  ## measure; prints ratios, judges nothing
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

snapshots: .venv/.installed-dev  ## accept how the screens look now (look at them first)
	$(BIN)/python -m pytest tests/face --snapshot-update

picture: .venv/.installed-dev  ## make the README's picture anew from the application
	$(BIN)/python docs/make_picture.py

wheel: .venv/.installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf .venv build dist

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.installed-dev: pyproject.toml .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
