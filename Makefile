# Every target does its own set-up: Python 3.11 or newer and make are all that is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
AXE := 4.14.1
SECONDS ?= 60
MINIMUM := $(addprefix tests/,test_cli.py test_load.py test_files.py test_link.py test_linking.py golden)

.PHONY: audit test-minimum sbom fuzz test-faults demo test test-bigquery test-sql test-browser screenshot measure-report lint types test-shared bench clean test-airflow test-emulator

demo: $(VENV)/.user       ## the simulated company through the real pipeline
	$(BIN)/fourkeys demo

test: $(VENV)/.dev        ## the default test suite
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not zetasql and not bigquery and not faults"

mutants: $(VENV)/.dev     ## deliberate mistakes in SQL and linking, each of which a test must notice: tests/mutants/results.md
	$(BIN)/python tests/mutants/mutants.py

test-bigquery: $(VENV)/.dev ## the whole demo, and a break after every call, on the fake of BigQuery
	$(BIN)/python -m pytest -n auto -m bigquery tests/bigquery

test-emulator: $(VENV)/.dev $(VENV)/emulator/.ready ## optional: the demo's figures on bqemulator, which is not BigQuery; Linux on amd64
	$(BIN)/python tests/bigquery/emulator.py $(VENV)/emulator/bin/bqemulator

test-sql: $(VENV)/.sql    ## views and every BigQuery statement on Google's own SQL engine, rows against DuckDB; the first time compiles it, a minute
	$(BIN)/python -m pytest -n auto -m zetasql tests/sql tests/report tests/bigquery

test-browser: $(VENV)/.browser $(VENV)/axe.min.js ## the report in Chromium: Debian's package chromium, or FOURKEYS_CHROMIUM; and npm
	$(BIN)/python -m pytest -m browser tests/report

test-airflow: $(VENV)/.dev $(VENV)/airflow-2/.ready $(VENV)/airflow-3/.ready ## the DAGs in Airflow 2.10 and 3; minutes
	FOURKEYS_AIRFLOW=$(abspath $(VENV)) $(BIN)/python -m pytest -m airflow -n 2 tests/airflow

screenshot: $(VENV)/.browser ## the README's picture: the demo's report; needs Chromium
	$(BIN)/python tests/report/screenshot.py docs/images/report.png

measure-report: $(VENV)/.browser ## size and speed of the report, small and large; needs Chromium
	$(BIN)/python tests/report/measure.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile

types: $(VENV)/.dev
	$(BIN)/mypy

test-shared: $(VENV)/.dev ## suites on real histories; need FOURKEYS_SHARED
	$(BIN)/python -m pytest -m shared

test-faults: $(VENV)/.dev ## every fault, with seeds, and 50 kills: FOURKEYS_FAULT_SEEDS, FOURKEYS_KILLS
	$(BIN)/python -m pytest -m faults -s tests/faults

fuzz: $(VENV)/.fuzz       ## the four doors that take bytes from outside: make fuzz SECONDS=450
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

test-minimum: $(VENV)/minimum/.ready ## what matters most, with the lowest versions that pyproject.toml allows
	$(VENV)/minimum/bin/python -m pytest -n auto $(MINIMUM)

sbom: $(VENV)/sbom/.ready ## dist/sbom.json: CycloneDX, of all that fourkeys and its extras install
	mkdir -p dist
	$(VENV)/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible \
	  --output-format JSON --output-file dist/sbom.json $(VENV)/sbom/product

audit: $(VENV)/.sql $(VENV)/.browser $(VENV)/.fuzz ## pins and licences of all that development installs; asks nobody
	$(BIN)/python tests/supply/audit.py

bench: $(VENV)/.user      ## fourkeys and its peers on one large repository: bench/results.md
	$(BIN)/python bench/ghes/run.py

$(VENV)/.pip: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fourkeys needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	touch $@

$(VENV)/.user: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.user
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	touch $@

$(VENV)/.sql: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group sql
	touch $@

$(VENV)/emulator/.ready: $(VENV)/.pip ## its pins are not ours; it wants an extension of DuckDB where it would download it to
	$(PYTHON) -m venv $(VENV)/emulator
	$(VENV)/emulator/bin/python -m pip install --quiet bqemulator==1.4.0 duckdb==1.5.5 duckdb-extension-spatial==1.5.5 numpy
	mkdir -p $(VENV)/emulator/.duckdb/extensions/v1.5.5/linux_amd64
	find $(VENV)/emulator/lib -name spatial.duckdb_extension -exec cp {} $(VENV)/emulator/.duckdb/extensions/v1.5.5/linux_amd64/ ';'
	touch $@

$(VENV)/.browser: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group browser
	touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group fuzz
	touch $@

$(VENV)/airflow-%/.ready: tests/airflow/constraints-%.txt $(VENV)/.pip pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --constraint $< pip
	$(@D)/bin/python -m pip install --quiet --constraint $< apache-airflow apache-airflow-providers-slack
	$(@D)/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/minimum/.ready: tests/supply/minimum.py tests/supply/audit.py $(VENV)/.pip pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(BIN)/python tests/supply/minimum.py > $(@D)/constraints.txt
	$(@D)/bin/python -m pip install --quiet --constraint $(@D)/constraints.txt pip
	$(@D)/bin/python -m pip install --quiet --constraint $(@D)/constraints.txt --editable '.[app,bigquery,mysql,postgresql]' \
	  hypothesis pytest pytest-xdist respx
	touch $@

$(VENV)/sbom/.ready: $(VENV)/.pip pyproject.toml ## the tool apart from what it describes; its pins are not ours
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet cyclonedx-bom==7.5.0
	$(PYTHON) -m venv --clear --without-pip $(@D)/product
	$(BIN)/python -m pip --python $(@D)/product/bin/python install --quiet --constraint constraints.txt \
	  --editable '.[app,bigquery,mysql,postgresql]'
	touch $@

$(VENV)/axe.min.js: $(VENV)/.pip
	cd $(VENV) && npm pack --silent axe-core@$(AXE)
	cd $(VENV) && tar -xzf axe-core-$(AXE).tgz --strip-components=1 package/axe.min.js && rm axe-core-$(AXE).tgz
	touch $@

clean:
	rm -rf $(VENV) fourkeys-demo fourkeys-data dist build
