# make run serves, make test tests, make quick tests what needs no TensorFlow, process or browser, and make test-cluster
# what needs PostgreSQL, a bucket or a Dask cluster; make torture lets thousands of faults happen to the service, and make
# fuzz sends it a hundred thousand changed requests. make release makes the package and tries it, make lock the image's
# list of packages, and make audit looks that up among known holes.
# Each makes its own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What a recognizer's page runs on in a browser, kept in the folder of that page.
RUNTIME := onnxruntime-web
RUNTIME_VERSION := 1.30.0
RUNTIME_FOLDER := modelization/bundle/portable/$(RUNTIME)
# What judges whether people who cannot see or point can use the pages: likewise.
AXE := axe-core
AXE_VERSION := 4.14.1
# The client that people of CompreFace have in their programs.
COMPREFACE_VERSION := 0.6.0

.PHONY: run test test-cluster quick torture fuzz lint lock release audit page-runtime clean

run: $(VENV)/.installed page-runtime
	PATH="$(CURDIR)/$(BIN):$$PATH" exec uwsgi --ini app.ini

test: $(VENV)/.installed-dev $(VENV)/.installed-browser $(VENV)/.installed-firefox $(VENV)/.installed-cluster $(VENV)/.installed-clients \
		lint
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --durations=15

test-cluster: $(VENV)/.installed-dev $(VENV)/.installed-cluster
	$(BIN)/python -m pytest test/cluster

quick: lint
	$(BIN)/python -m pytest -m quick

torture: $(VENV)/.installed-dev
	$(BIN)/python -m bench.faults

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m bench.fuzz

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the image installs, for every platform: tensorflow-cpu in place of tensorflow where there is one.
lock: $(VENV)/.installed-dev
	sed 's/^tensorflow\(>.*\)/tensorflow-cpu\1; platform_machine == "x86_64"\ntensorflow\1; platform_machine != "x86_64"/' \
		requirements.txt | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements.lock

# A wheel and an archive of the source in dist/, and the wheel in an environment that has nothing else.
release: lint page-runtime
	rm -rf dist build
	$(BIN)/python -m build --no-isolation
	$(PYTHON) -m venv dist/fresh
	dist/fresh/bin/pip install --quiet dist/*.whl
	cd dist && fresh/bin/facial --version && fresh/bin/python -m facial --help >/dev/null \
		&& fresh/bin/python -c "from facial import Facial, Recognizer"
	rm -rf dist/fresh
	cd dist && sha256sum *.whl *.tar.gz > SHA256SUMS && cat SHA256SUMS

# Needs pip-audit's database, which is on the network.
audit: $(VENV)/.installed-dev
	$(BIN)/uv tool run pip-audit --require-hashes --disable-pip --requirement requirements.lock

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "This needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

page-runtime: $(RUNTIME_FOLDER)/.installed

# Without npm a recognizer is no page of its own; all else is as it is. So nothing here fails, and the next run tries again.
$(RUNTIME_FOLDER)/.installed: Makefile
	@mkdir -p $(@D) && cd $(@D) && npm pack --silent $(RUNTIME)@$(RUNTIME_VERSION) >/dev/null \
		&& tar --extract --gzip --touch --strip-components=2 --file=$(RUNTIME)-$(RUNTIME_VERSION).tgz \
			package/dist/ort.wasm.min.mjs package/dist/ort-wasm-simd-threaded.mjs \
			package/dist/ort-wasm-simd-threaded.wasm \
		&& rm $(RUNTIME)-$(RUNTIME_VERSION).tgz && touch .installed \
		|| echo "Without npm, recognizers cannot be downloaded as pages that open by a double click."

# A browser and the judge. Where they cannot be had, for want of apt-get's rights or of npm, their tests say so and are skipped.
$(VENV)/.installed-browser: Makefile | $(VENV)/.installed-dev page-runtime
	@{ command -v chromium >/dev/null || { apt-get update && apt-get install --yes --no-install-recommends chromium; }; } \
		&& mkdir -p $(VENV)/$(AXE) && cd $(VENV) && npm pack --silent $(AXE)@$(AXE_VERSION) >/dev/null \
		&& tar --extract --gzip --strip-components=1 --directory=$(AXE) --file=$(AXE)-$(AXE_VERSION).tgz package/axe.min.js \
		&& rm $(AXE)-$(AXE_VERSION).tgz && touch $(CURDIR)/$@ \
		|| echo "Chromium or its judge could not be installed; the tests that need them are skipped."

# A browser of another make. On Ubuntu apt-get has no Firefox of that name: likewise.
$(VENV)/.installed-firefox: Makefile | $(VENV)/.installed-dev
	@{ command -v firefox-esr >/dev/null || command -v firefox >/dev/null \
		|| { apt-get update && apt-get install --yes --no-install-recommends firefox-esr; }; } && touch $@ \
		|| echo "Firefox could not be installed; the tests that need it are skipped."

# PostgreSQL's programs; the tests start a server of their own. Where they cannot be had, likewise.
$(VENV)/.installed-cluster: Makefile | $(VENV)/.installed-dev
	@{ ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
		|| { apt-get update && apt-get install --yes --no-install-recommends postgresql; }; } && touch $@ \
		|| echo "PostgreSQL could not be installed; the tests that need it are skipped."

# Another service's client, which needs an urllib3 that nothing else does: an environment of its own.
$(VENV)/.installed-clients: Makefile | $(VENV)/.installed-dev
	$(PYTHON) -m venv $(VENV)/compreface-sdk
	$(VENV)/compreface-sdk/bin/pip install --quiet "compreface-sdk==$(COMPREFACE_VERSION)" "urllib3<2"
	touch $@

clean:
	rm -rf $(VENV) dist build $(RUNTIME_FOLDER) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
