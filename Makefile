# `make demo` and `make test` are all a newcomer needs: Python 3.11 or newer, make, a package index.
PYTHON ?= python3
BIN := .venv/bin
SOURCE ?= builtin:8000

.PHONY: demo test lint docs-site clean
.DELETE_ON_ERROR:

demo: .venv/.installed-builtin,metrics,train
	$(BIN)/facesmith demo "$(SOURCE)" --out demo

test: .venv/.installed-dev lint
	$(BIN)/pytest -n auto --dist loadfile

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The notebooks of the site run once, in about 20 minutes; NOTEBOOKS=small runs them with small settings in a few.
docs-site: .venv/.installed-all,docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean
	@! grep -rlE '<(script|link|img)[^>]+(src|href)="https?://' site --include='*.html' || { echo "a page loads a file from another host"; exit 1; }
	@echo "open site/index.html, or serve it with search: $(BIN)/python -m http.server -d site"

# One stamp an extra: what is installed once is not asked for again until the project's needs change.
.venv/.installed-%: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "facesmith needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[$*]'
	touch $@

clean:
	rm -rf .venv demo site .cache
