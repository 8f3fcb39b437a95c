.DEFAULT_GOAL := help
PYTHON ?= python3
BOOTSTRAP := $(PYTHON) deploy/local/bootstrap.py

.PHONY: help run manage test check

help:  ## this list
	@sed -n 's/^\([a-z]*\):  ## /  make \1\t/p' Makefile

run:  ## a living plant on this machine, one URL (PORT=8000, settings in .env)
	@exec $(BOOTSTRAP) run

manage:  ## a manage.py command in the running plant (ARGS="import_nist_box_assembly folder")
	@exec $(BOOTSTRAP) manage $(ARGS)

test:  ## every check and every test (ARGS="-k board -x" for pytest)
	@exec $(BOOTSTRAP) test $(ARGS)

check:  ## lint, types, floors, missing migrations; no tests
	@exec $(BOOTSTRAP) test --checks-only
