# SPDX-License-Identifier: BSD-2-Clause
# Run other projects' tests after install(): CPython's own, which must come with the
# Python in use (Debian: libpython3.*-testsuite), and those of packages, in a virtual
# environment in build/python-venv.
#
#: check-cpython   CPython's own tests of subprocess and asyncio, by templates
#: check-cpython-warm  a part of these with prepared processes
#: check-others    the tests of anyio and trio, and AutoGen's executor, by templates

PY_VENV := $(O)/python-venv
# The tests that launch in most ways.
PY_WARM_TESTS := test.test_subprocess.ProcessTestCase \
	test.test_subprocess.POSIXProcessTestCase test.test_asyncio.test_subprocess

.PHONY: check-cpython check-cpython-warm check-others
check-cpython: python
	$(Q)PYTHONPATH=$(O)/python $(PYTHON) $(PY_DIR)/tests/run_cpython.py

check-cpython-warm: python
	$(Q)PYTHONPATH=$(O)/python $(PYTHON) $(PY_DIR)/tests/run_cpython.py \
		--warm $(PY_WARM_TESTS)

check-others: python
	$(Q)PYTHONPATH=$(O)/python $(PYTHON) $(PY_DIR)/tests/run_others.py \
		$(PY_VENV)
