# SPDX-License-Identifier: BSD-2-Clause
# Prepared launches with other C libraries. Read after tests.mk.
#
#: check-aarch64   build the library for AArch64, where all launches are cold
#: check-warm-libc run tests of prepared launches in chroots of other Debian releases

# These have glibc 2.31, 2.41 and the newest.
WARM_SUITES ?= bullseye trixie sid
LIBC_TESTS := test_warm test_warm_dump test_warm_tools

# A compiler for it is in `scripts/deps aarch64`.
AARCH64 ?= aarch64-linux-gnu-

.PHONY: check-aarch64
check-aarch64:
	$(Q)if ! command -v $(AARCH64)gcc >/dev/null; then \
		echo 'check-aarch64: skipped: no $(AARCH64)gcc'; exit 0; fi; \
	$(SUB_MAKE) $(SUB_JOBS) O=$(O)/aarch64 CC=$(AARCH64)gcc AR=$(AARCH64)ar \
		CFLAGS='-O2 -g -Werror' library

.PHONY: check-warm-libc
check-warm-libc:
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/musl CC='$(MUSL_CC)' LDFLAGS=-static \
		$(LIBC_TESTS:%=$(O)/musl/tests/%) $(O)/musl/tests/tools/tiny
	$(Q)tests/libc/roots $(O)/libc $(WARM_SUITES)
	$(Q)tests/libc/run $(O)/libc $(O)/musl/tests $(WARM_SUITES)

# Debian's Pythons, with the tests of this library: 3.9, 3.13 and the newest.
#: check-warm-pythons  run tests of prepared Pythons with those of other Debian releases
.PHONY: check-warm-pythons
check-warm-pythons:
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/musl CC='$(MUSL_CC)' LDFLAGS=-static \
		$(O)/musl/tests/test_warm_python
	$(Q)ROOT_PACKAGES='libc6 libc-bin dash coreutils python3' \
		tests/libc/roots $(O)/pythons $(WARM_SUITES)
	$(Q)ROOT_TESTS=test_warm_python ROOT_TOOLS= \
		tests/libc/run $(O)/pythons $(O)/musl/tests $(WARM_SUITES)

#: check-warm-python run CPython's own tests that start Pythons by prepared launches
.PHONY: check-warm-python
check-warm-python: $(O)/tests/warm_python/server $(O)/tests/warm_python/stand_in
	$(Q)O='$(O)' tests/warm_python/run $(PYTHON_TESTS)
$(O)/tests/warm_python/server: $(O)/tests/warm_python/server.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread
$(O)/tests/warm_python/stand_in: $(O)/tests/warm_python/stand_in.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^

#: check-warm-libraries  import numpy and pandas ahead, and run tests of theirs in forks
.PHONY: check-warm-libraries
check-warm-libraries: $(O)/spawn-template
	$(Q)/usr/bin/python3 tests/warm_python/libraries.py $< $(O)/wheels-venv

-include $(O)/tests/warm_python/server.d $(O)/tests/warm_python/stand_in.d
