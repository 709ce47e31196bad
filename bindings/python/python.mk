# SPDX-License-Identifier: BSD-2-Clause
# The package spawn_template for Python: docs/python.md. PYTHON= is the
# interpreter to build for; what is built serves any CPython from 3.9 on.
#
#: python          build in place: PYTHONPATH=build/python python3 -c 'import spawn_template'

PYTHON ?= python3

PY_DIR := bindings/python
PY_OUT := $(O)/python/spawn_template
PY_SRC := $(wildcard $(PY_DIR)/src/spawn_template/*)
PY_FILES := $(PY_SRC:$(PY_DIR)/src/spawn_template/%=$(PY_OUT)/%)
PY_NATIVE := $(wildcard $(PY_DIR)/native/*.c)
PY_OBJ := $(PY_NATIVE:%.c=$(O)/%.o)
PY_SO := $(PY_OUT)/_native.abi3.so

# Asked once, and only if something is to be compiled. gcc does not find the
# configuration of Debian's debug build, whose headers are links to the others.
PY_CFLAGS = $(eval PY_CFLAGS := $(shell $(PYTHON) -c 'import sysconfig as s; \
	print("-isystem", s.get_path("include"), \
	"-DPy_DEBUG=1" if s.get_config_var("Py_DEBUG") else "")'))$(PY_CFLAGS)

.PHONY: python
python: $(PY_SO) $(PY_FILES)

$(PY_OBJ): $(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(LIB_CFLAGS) $(PY_CFLAGS) \
		-DNATIVE_VERSION='"$(VERSION)"' $(CFLAGS) $(SAN_FLAGS) \
		-c -o $@ $<

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
