# Two commands do everything on a fresh machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Most of their time tests wait for a broker. tests/spreading.py gives each file to one process, the longest first.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: help demo check test explore soak soak-sim model fuzz lint bench format lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# `python3.11` is not on every machine under that name; any 3.11 or later will do.
$(INSTALLED): pyproject.toml requirements-dev.lock
	@command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@echo "installing into $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## stream a loyalty program through the embedded log and ClickHouse; DATA=file.csv.xz for your own
	@$(BIN)/accrue demo $(if $(DATA),--data $(DATA)) $(ARGS)

check: $(INSTALLED) ## the tests that need no Kafka, for while you work: the layers pure and embedded
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "pure or embedded" $(ARGS)

test: $(INSTALLED) ## every test; those on a real Kafka run where a JDK 17 and Maven are, or with ACCRUE_TEST_KAFKA
ifdef ARGS
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)
else
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m pure --cov
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not pure"
endif

explore: $(INSTALLED) ## the properties, with new examples each time: those of `make test` are always the same
	ACCRUE_EXPLORE=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m pure $(ARGS)

soak: $(INSTALLED) ## hundreds of faults on a real Kafka, then verify and an independent check: FAULTS=300 SEED=1
	$(BIN)/python -m tests.faults --faults $(or $(FAULTS),300) --seed $(or $(SEED),1)

soak-sim: $(INSTALLED) ## seeds of the simulation, for as long as you like: SECONDS=600 SEED=0
	$(BIN)/python -m tests.simulation --seconds $(or $(SECONDS),600) --seed $(or $(SEED),0)

model: $(INSTALLED) ## a second implementation of the rules against the engine on random histories: HISTORIES=20000 SEED=0
	$(BIN)/python -m tests.model --histories $(or $(HISTORIES),20000) --seed $(or $(SEED),0)

fuzz: $(INSTALLED) ## odd messages, bodies, programs, settings, retail files, dead letters, log files: SECONDS=600 SEED=0
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) --seed $(or $(SEED),0) $(ARGS)

lint: $(INSTALLED) ## formatting, linting, types and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## the benchmarks of BENCHMARKS.md, one JSON line each
	$(BIN)/python -m bench $(ARGS)

LOCK := uvx --from uv==0.13.9 uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" --quiet
lock: ## write the locks anew from pyproject.toml, with the hash of every package; asks PyPI, and needs uv
	$(LOCK) --extra build -o requirements.lock
	$(LOCK) --extra build --extra dev -o requirements-dev.lock

clean: ## remove what the build and the tests left
	rm -rf $(VENV) .venv-* .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
