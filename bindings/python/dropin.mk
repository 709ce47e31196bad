# SPDX-License-Identifier: BSD-2-Clause
# Run other projects' tests after install(): CPython's own, which must come with the
# Python in use (Debian: libpython3.*-testsuite), and those of packages, in a virtual
# environment in build/python-venv.
#
#: check-cpython   CPython's own tests of subprocess and asyncio, by templates
#: check-others    the tests of anyio and trio, and AutoGen's executor, by templates

PY_VENV := $(O)/python-venv

.PHONY: check-cpython check-others
check-cpython: python
	$(Q)PYTHONPATH=$(O)/python $(PYTHON) $(PY_DIR)/tests/run_cpython.py

check-others: python
	$(Q)PYTHONPATH=$(O)/python $(PYTHON) $(PY_DIR)/tests/run_others.py \
		$(PY_VENV)
