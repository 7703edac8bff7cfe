# Every target creates .venv if it is missing, so that `make reproduce` is all that a fresh machine needs.
VENV := .venv
BIN := $(VENV)/bin
OUT := runs

.PHONY: help reproduce test slow check bench docs report clean
help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

reproduce: $(VENV)/installed ## run the textbook's chapters at book scale into runs/ and compare with the published values
	$(BIN)/d2l-repro run textbook --out $(OUT)

report: $(VENV)/installed ## rebuild runs/report.html from existing results
	$(BIN)/d2l-repro report $(OUT)

test: $(VENV)/installed ## run the fast test suite; set D2L_REPRO_DATA to a folder to test real data as well
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: $(VENV)/installed ## compare full-scale runs with published values, for several seeds (real data, minutes)
	$(BIN)/python -m pytest -n auto -m slow

check: $(VENV)/installed ## lint, check the formatting and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed ## measure speed as ratios to the book's loader, to matrix products, and to PyTorch if installed
	$(BIN)/python -m benchmarks.epoch
	$(BIN)/python -m benchmarks.house
	$(BIN)/python -m benchmarks.kernels

docs: $(VENV)/installed ## run the notebook again, and update the READMEs from the results in runs/
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/jupytext --to ipynb --execute docs/notebooks/*.py
	$(BIN)/python scripts/readme.py $(OUT)

clean: ## remove .venv and everything generated
	rm -rf $(VENV) runs build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[test,dev]'
	@$(BIN)/python -c 'import d2l_repro, mxnet'
	@touch $@

$(BIN)/python:
	@python=$$(sh scripts/find_python.sh $(PYTHON)) && echo "$$python -m venv $(VENV)" && "$$python" -m venv $(VENV)
