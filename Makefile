# Everything happens in .venv and .fusion below this directory.
#   make demo                    meter this machine and watch the bill (Ctrl-C ends it)
#   make demo SECONDS_TO_RUN=20  the same, ending by itself
#   make test ARGS="-k period"   some of the tests
#   make bench ARGS="--only odoo" ODOO_URL=http://… ODOO_DATABASE=… ODOO_API_KEY=…
#                                against a real Odoo, which keeps what it got

BIN := .venv/bin
STAMP := .venv/.installed
ARGS ?=

.PHONY: setup demo test lint bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml deploy/make-venv
	@sh deploy/make-venv .venv $(PYTHON)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/fusion-billing up --demo

test: setup
	$(BIN)/python -m pytest $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m bench $(ARGS)

clean:
	@if [ -e .fusion/addresses.json ] && kill -0 "$$(cat .fusion/lock)" 2>/dev/null; then \
		echo "A stack runs in .fusion (process $$(cat .fusion/lock)); stop it first." >&2; \
		exit 1; \
	fi
	@if [ -L .fusion/postgres ]; then rm -rf "$$(readlink .fusion/postgres)"; fi
	rm -rf .fusion .fusion-ci .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	rm -rf .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
