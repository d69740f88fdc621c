# The commands of the README. Each sets .venv up first; this is quick if no file of the setup changed.
PEOPLE ?= 100000

.PHONY: demo demo-keep test up check clean setup

demo: setup    ## import 100,000 generated people into a server of its own, and delete everything at the end
	.venv/bin/consentory demo --people $(PEOPLE)

demo-keep: setup ## as demo, and leave the server running with a link that signs in to its console, until Ctrl-C
	.venv/bin/consentory demo --people $(PEOPLE) --keep

test: setup    ## check the code, run every test
	scripts/test

up: setup      ## run the server on ./consentory-data until Ctrl-C
	.venv/bin/consentory up

check: setup   ## check the code without running it
	scripts/check

clean:         ## remove built files; your data in ./consentory-data stays
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/setup
