# Two commands are all a newcomer needs: `make demo` and `make test`. Both set up what they need.
# Everything is installed into .venv; nothing outside the checkout is changed, except that `make test`,
# run as root or with sudo at hand, installs the Debian packages that the integration tests use.

VENV   := .venv
BIN    := $(VENV)/bin
# Compiled modules are kept, whatever is set outside: hundreds of tests start the command, and compiling it all anew costs each three seconds.
unexport PYTHONDONTWRITEBYTECODE
# Modules are compiled when they are first imported: most of what is installed never is, and set-up takes a third less.
PIP    := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: demo test system-packages lint unit package compiled bench clean help
help:
	@echo "make demo   set up, and run the whole job on an embedded mail server (no account needed)"
	@echo "make test   set up, and run every check and test"
	@echo "make bench  throughput figures (needs Dovecot: run make test first)"
	@echo "make clean  remove .venv and caches"

demo: $(VENV)/.ready-demo
	$(BIN)/mailroom demo

# Libraries and Debian packages are fetched at the same time, once there is an environment: it may need a Debian package itself.
test: $(VENV)/bin/pip
	$(MAKE) --no-print-directory --jobs 2 $(VENV)/.ready-test system-packages
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint package compiled
	$(MAKE) --no-print-directory unit

system-packages:
	@sh tests/system-packages.sh

lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# Three at a time on two cores: servers, browsers and killed processes are waited for a third of the time.
unit: $(VENV)/.ready-test
	PATH="$$PATH:/usr/sbin" $(BIN)/python -m pytest tests -n 3 --dist loadfile --no-loadscope-reorder

# The tests and the libraries are compiled by one process, where each of three would do it for itself at the same time.
compiled: $(VENV)/.ready-test
	@PATH="$$PATH:/usr/sbin" $(BIN)/python -m pytest tests --collect-only -qq >/dev/null || true # what is wrong with it, unit tells

# The wheel, installed in a clean environment, is what an operator gets: its command must work.
package: $(VENV)/.ready-test
	$(BIN)/python tests/check_wheel.py

bench: $(VENV)/.ready-test
	$(BIN)/python bench/throughput.py

$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { echo "mailroom needs Python 3.11 or later; on Debian or Ubuntu: apt-get install python3 python3-venv"; exit 1; }
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tests/make-venv.sh

$(VENV)/.ready-demo: $(VENV)/bin/pip pyproject.toml constraints.txt
	@echo "setting up $(VENV); this takes a minute or two the first time"
	$(PIP) -e ".[demo]"
	@touch $@

$(VENV)/.ready-test: $(VENV)/bin/pip pyproject.toml constraints.txt
	@echo "setting up $(VENV) for the tests; this takes a minute or two the first time"
	$(PIP) -e ".[test,lint]"
	@touch $@ $(VENV)/.ready-demo

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
