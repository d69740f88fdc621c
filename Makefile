# The commands of the README. Each sets .venv up first, which takes a moment where nothing changed.
PEOPLE ?= 100000

.PHONY: demo test up check clean setup

demo: setup    ## import 100,000 generated people into a server of its own, and leave nothing behind
	.venv/bin/consentory demo --people $(PEOPLE)

test: setup    ## check the code, run every test
	scripts/test

up: setup      ## run the server on ./consentory-data until Ctrl-C
	.venv/bin/consentory up

check: setup   ## check the code without running it
	scripts/check

clean:         ## remove what was built; ./consentory-data stays, it is yours
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/setup
