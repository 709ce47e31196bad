# SPDX-License-Identifier: BSD-2-Clause
# Measure growth over many launches. Read after tests.mk.
#
#: soak            look for growth over hundred thousands of launches and runs

# test_leak counts the library's calls for memory.
$(O)/tests/test_leak: override LDFLAGS += $(foreach f,malloc calloc realloc \
	free aligned_alloc posix_memalign mmap,-Wl,--wrap=$(f))

TESTS_ALONE += test_leak test_ring_leak

.PHONY: soak
soak: all build-tests
	$(Q)LAUNCHES=100000 $(O)/tests/test_leak
	$(Q)RUNS=200000 $(O)/tests/test_ring_leak
