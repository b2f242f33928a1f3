# make run serves, make test tests, make quick tests what needs no TensorFlow, process or browser; make torture lets
# thousands of faults happen to the service, and make fuzz sends it a hundred thousand changed requests. Each makes its
# own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What a bundle's page runs on: for the test of that page alone.
RUNTIME := onnxruntime-web
RUNTIME_VERSION := 1.30.0

.PHONY: run test quick torture fuzz lint clean

run: $(VENV)/.installed
	PATH="$(CURDIR)/$(BIN):$$PATH" exec uwsgi --ini app.ini

test: $(VENV)/.installed-dev $(VENV)/.installed-browser lint
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest --durations=15

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

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "This needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

# A browser and the page's runtime. Where they cannot be had, for want of apt-get's rights or of npm, their test says
# so and is skipped: so nothing here fails, and the next run tries again.
$(VENV)/.installed-browser: | $(VENV)/.installed-dev
	@{ command -v chromium >/dev/null || { apt-get update && apt-get install --yes --no-install-recommends chromium; }; } \
		&& mkdir -p $(VENV)/$(RUNTIME) && cd $(VENV) && npm pack --silent $(RUNTIME)@$(RUNTIME_VERSION) \
		&& tar --extract --gzip --strip-components=2 --directory=$(RUNTIME) --file=$(RUNTIME)-$(RUNTIME_VERSION).tgz \
			package/dist/ort.wasm.min.mjs package/dist/ort-wasm-simd-threaded.mjs \
			package/dist/ort-wasm-simd-threaded.wasm \
		&& rm $(RUNTIME)-$(RUNTIME_VERSION).tgz && touch $(CURDIR)/$@ \
		|| echo "Chromium or its runtime could not be installed; the tests that need them are skipped."

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
