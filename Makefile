# Every target creates .venv if it is missing, so that `make reproduce` is all that a fresh machine needs. It installs
# the versions in LOCK; what tests, checks and documents need on top is in DEV_LOCK. For the oldest supported versions:
#   make test VENV=.venv39 PYTHON=python3.9 LOCK=requirements/oldest.txt
VENV := .venv
BIN := $(VENV)/bin
OUT := runs
TESTS := tests
LOCK := requirements/lock.txt
DEV_LOCK := $(LOCK:lock.txt=lock-dev.txt)
# --no-compile: of all that is installed, a run imports the smaller part, and Python compiles that by itself.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --no-deps

# uv resolves for all Pythons at once, and needs none of them for that.
COMPILE := $(BIN)/uv pip compile setup.cfg requirements/make.in --python-version 3.9 --upgrade --generate-hashes \
    --no-python-downloads --no-header --no-annotate --quiet
DEV := --extra test --extra dask --extra browser --extra docs --extra site --extra dev

# Images of containers set this. Without compiled modules each of the many processes that tests start, and each run of a
# chapter, would compile a thousand files anew: half of the time that the imports take.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help reproduce test slow coverage mutants audit check bench docs site catalogue report lock wheel clean
help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

reproduce: $(VENV)/installed ## run the textbook's chapters at book scale into runs/ and compare with the published values
	$(BIN)/d2l-repro run textbook --out $(OUT)

report: $(VENV)/installed ## rebuild runs/report.html from existing results
	$(BIN)/d2l-repro report $(OUT)

test: $(VENV)/installed-dev ## run the fast test suite; set D2L_REPRO_DATA to a folder to test real data as well
	$(BIN)/python -m pytest -n auto --dist loadfile $(TESTS)

slow: $(VENV)/installed-dev ## compare full-scale runs with published values, run every notebook, build the site (minutes)
	$(BIN)/python -m pytest -n auto -m slow --durations=10

coverage: $(VENV)/installed-dev ## run the fast test suite, and list the lines and branches that it does not reach
	$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term-missing:skip-covered

mutants: $(VENV)/installed-dev ## change the code in 400 places, and count the changes that no test notices (an hour)
	$(BIN)/python -m pip install --quiet cosmic-ray
	$(BIN)/python scripts/mutants.py

audit: $(VENV)/installed ## look the locked packages up in the public list of known weaknesses
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/python -m pip_audit --disable-pip --require-hashes --requirement requirements/lock.txt

check: $(VENV)/installed-dev ## lint, check the formatting and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed ## measure speed beside other packages, PyTorch if installed, and the processor's limit
	$(BIN)/d2l-repro bench --out $(OUT)/bench

docs: $(VENV)/installed-dev ## run the notebooks again, and update the READMEs from the results in runs/
	$(BIN)/python scripts/readme.py $(OUT)
	$(BIN)/python scripts/notebooks.py

site: $(VENV)/installed-dev ## build the documentation in site/, to read and to search without a network
	$(BIN)/python scripts/build_site.py

catalogue: $(VENV)/installed-dev ## collect the messages of the code for their Chinese, and compile those
	$(BIN)/python scripts/catalogue.py

wheel: $(VENV)/installed ## build dist/d2l_repro-VERSION-py3-none-any.whl
	rm -rf build dist  # setuptools would pack what an earlier build left in build/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

lock: $(VENV)/installed ## write requirements/*.txt anew: the newest versions for each Python, and the oldest supported
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --universal --output-file requirements/lock.txt
	$(COMPILE) --universal --constraint requirements/lock.txt --output-file requirements/lock-dev.txt $(DEV)
	$(COMPILE) --resolution lowest-direct --output-file requirements/oldest.txt --extra test --extra dask --extra docs

clean: ## remove .venv and everything generated
	rm -rf $(VENV) runs build dist site *.egg-info .pytest_cache .ruff_cache .hypothesis

# --quiet hides the progress too, so say what is going on. pip skips what is there already: without a network,
# installing again succeeds as long as the versions have not changed.
$(VENV)/installed: $(LOCK) setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing MXNet and the other packages of $(LOCK) into $(VENV)"
	@$(INSTALL) --require-hashes --requirement $(LOCK)
	@$(INSTALL) --no-build-isolation --editable .
	@$(BIN)/python -c 'import d2l_repro, mxnet'
	@touch $@

$(VENV)/installed-dev: $(DEV_LOCK) | $(VENV)/installed
	@echo "Installing what tests and checks need, from $(DEV_LOCK)"
	@$(INSTALL) --require-hashes --requirement $(DEV_LOCK)
	@touch $@

$(BIN)/python:
	@python=$$(sh scripts/find_python.sh $(PYTHON)) && echo "$$python -m venv $(VENV)" && "$$python" -m venv $(VENV)
