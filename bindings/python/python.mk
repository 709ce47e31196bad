# SPDX-License-Identifier: BSD-2-Clause
# The package spawn_template for Python: docs/python.md. PYTHON= is the interpreter
# to build for; the result serves any CPython from 3.9 on.
#
#: python          build in place: PYTHONPATH=build/python python3 -c 'import spawn_template'
#: wheel           a wheel of it, in build/wheel, for all CPythons from 3.9 on
#: check-python    test it: in place, for leaks, with ASan, and installed

PYTHON ?= python3

PY_DIR := bindings/python
PY_OUT := $(O)/python/spawn_template
PY_SRC := $(sort $(wildcard $(addprefix $(PY_DIR)/src/spawn_template/,\
	*.py *.pyi py.typed)))
PY_FILES := $(PY_SRC:$(PY_DIR)/src/spawn_template/%=$(PY_OUT)/%)
PY_NATIVE := $(wildcard $(PY_DIR)/native/*.c)
PY_OBJ := $(PY_NATIVE:%.c=$(O)/%.o)
PY_SO := $(PY_OUT)/_native.abi3.so

# The extension sees the public header only.
PY_BASE := -std=gnu11 $(WARN) -Iinclude -MMD -MP -D_GNU_SOURCE \
	-fvisibility=hidden -fPIC

# Ask the interpreter once, and only if something has to be compiled. gcc does not
# find the configuration of Debian's debug build, whose headers are links to the
# others'.
PY_CFLAGS = $(eval PY_CFLAGS := $(shell $(PYTHON) -c 'import sysconfig as s; \
	print("-isystem", s.get_path("include"), \
	"-DPy_DEBUG=1" if s.get_config_var("Py_DEBUG") else "")'))$(PY_CFLAGS)

.PHONY: python
python: $(PY_SO) $(PY_FILES)

$(PY_OBJ): $(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(PY_BASE) $(PY_CFLAGS) \
		-DNATIVE_VERSION='"$(VERSION)"' $(CFLAGS) $(SAN_FLAGS) \
		-c -o $@ $<

# The Makefile has the version.
$(O)/$(PY_DIR)/native/module.o: Makefile

$(PY_SO): $(PY_OBJ) $(LIB_A) $(PY_DIR)/native/exports.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(PY_OBJ) \
		$(LIB_A) -Wl,--version-script,$(PY_DIR)/native/exports.map \
		-Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -lpthread

$(PY_FILES): $(PY_OUT)/%: $(PY_DIR)/src/spawn_template/%
	@mkdir -p $(@D)
	$(call say,CP,$@)
	$(Q)cp $< $@

-include $(PY_OBJ:.o=.d)

.PHONY: wheel
wheel:
	$(Q)$(PYTHON) -m pip wheel -q --no-deps -w $(O)/wheel \
		$$($(PYTHON) -c 'import setuptools, wheel' 2>/dev/null && \
			echo --no-build-isolation) $(PY_DIR)
	$(Q)ls $(O)/wheel/spawn_template-*.whl

# ---- tests: each step prints "N passed, N failed", and a failure stops no other step

PY_CHECKS := check-python-tests check-python-leaks check-python-debug \
	check-python-asan check-python-install check-cpython \
	check-cpython-warm check-others

PY_TESTS := $(PY_DIR)/tests
PY_DROPIN_TESTS := test_dropin test_dropin_pending test_dropin_signals

.PHONY: check-python $(PY_CHECKS)
check-python: deps-python python
	$(Q)O='$(O)' MAKE='$(MAKE)' PYTHON='$(PYTHON)' \
		$(PY_TESTS)/steps $(PY_CHECKS)

.PHONY: deps-python
deps-python:
	$(Q)scripts/deps python

check-python-tests: python
	$(Q)PYTHONPATH=$(abspath $(O)/python) $(PYTHON) $(PY_TESTS)/run.py

check-python-leaks: python
	$(Q)PYTHONPATH=$(abspath $(O)/python) $(PYTHON) $(PY_TESTS)/leaks.py

# Debian's debug build counts references, and asserts what other builds assume.
PY_DEBUG ?= $(shell command -v python3-dbg)
check-python-debug:
ifeq ($(SKIP_DEPS),)
	$(Q)$(SUB_MAKE) O=$(O)/python-debug PYTHON='$(PY_DEBUG)' python
	$(Q)PYTHONPATH=$(abspath $(O)/python-debug/python) $(PY_DEBUG) \
		$(PY_TESTS)/leaks.py --debug
	$(Q)PYTHONPATH=$(abspath $(O)/python-debug/python) $(PY_DEBUG) $(PY_TESTS)/run.py \
		test_native test_engine test_runs test_stream test_sandbox \
		test_limits test_warm \
		$(PY_DROPIN_TESTS)
else
	@echo '  there may be no debug build of Python'
	@echo '0 passed, 0 failed, 1 skipped'
endif

# The interpreter itself leaks on purpose, so leaks are not reported here. A case that
# a sanitizer forbids is skipped, whatever MUST_WORK says.
check-python-asan:
	$(Q)$(SUB_MAKE) O=$(O)/asan SAN=address,undefined python
	$(Q)MUST_WORK=0 LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) \
		ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		PYTHONMALLOC=malloc PYTHONPATH=$(abspath $(O)/asan/python) \
		$(PYTHON) $(PY_TESTS)/run.py test_native test_engine test_stream \
		$(PY_DROPIN_TESTS)

check-python-install:
	$(Q)PYTHON='$(PYTHON)' $(PY_TESTS)/install.sh

# Remove the files that pip leaves beside the sources.
.PHONY: clean-python
clean: clean-python
clean-python:
	rm -rf $(PY_DIR)/build $(PY_DIR)/src/*.egg-info \
		$(PY_DIR)/src/spawn_template/__pycache__ \
		$(PY_DIR)/src/spawn_template/*.so
