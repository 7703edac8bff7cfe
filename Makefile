# Every target makes .venv by itself when it is missing: on a fresh machine `make reproduce` is all there is to do.
VENV := .venv
BIN := $(VENV)/bin
OUT := runs

.PHONY: help reproduce test slow check bench docs report clean
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

reproduce: $(VENV)/installed ## run the textbook's chapters at book scale into runs/ and compare with the published values
	$(BIN)/d2l-repro run textbook --out $(OUT)

report: $(VENV)/installed ## write runs/report.html from the results that are there
	$(BIN)/d2l-repro report $(OUT)

test: $(VENV)/installed ## the fast test suite; real data are used where D2L_REPRO_DATA names their folder
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: $(VENV)/installed ## full-scale runs against the published values, several seeds (real data, minutes)
	$(BIN)/python -m pytest -n auto -m slow

check: $(VENV)/installed ## lint, check the formatting and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed ## speed as ratios: the book's loader, PyTorch where it is installed, the matrix products
	$(BIN)/python -m benchmarks.epoch
	$(BIN)/python -m benchmarks.house

docs: $(VENV)/installed ## run the notebook anew, and put the values of runs/ into the READMEs
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
