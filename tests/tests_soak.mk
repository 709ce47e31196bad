# SPDX-License-Identifier: BSD-2-Clause
# Measure growth over many launches. Read after tests.mk.
#
#: soak            look for growth over hundred thousands of launches and runs
#: soak-runs       make 200,000 runs with options drawn at random
#: soak-warm       the same over a million of warm launches; takes an hour

# test_leak counts the library's calls for memory.
$(O)/tests/test_leak: override LDFLAGS += $(foreach f,malloc calloc realloc \
	free aligned_alloc posix_memalign mmap,-Wl,--wrap=$(f))

TESTS_ALONE += test_leak test_ring_leak test_warm_leak

.PHONY: soak soak-runs soak-warm
# SOAK_SHARE=2: half of it.
SOAK_SHARE ?= 1
soak: all build-tests
	$(Q)LAUNCHES=$$((100000 / $(SOAK_SHARE))) $(O)/tests/test_leak
	$(Q)RUNS=$$((200000 / $(SOAK_SHARE))) $(O)/tests/test_ring_leak
	$(Q)LAUNCHES=$$((20000 / $(SOAK_SHARE))) \
		$(O)/tests/test_warm_leak many_launches
	$(Q)ROUNDS=$$((60 / $(SOAK_SHARE))) $(O)/tests/test_warm_fuzz
	$(Q)RUNS=1000 $(O)/tests/test_run_random

# Half of the runs have cgroups, half are in a user namespace without. Most of their time
# is waiting, so several programs run side by side.
SOAK_JOBS ?= 4
soak-runs: all build-tests
	$(Q)seq $(SOAK_JOBS) | RUNS=$$((100000 / $(SOAK_JOBS))) TEST_NOTES=1 \
		xargs -P $(SOAK_JOBS) -I N $(O)/tests/test_run_random

soak-warm: all build-tests
	$(Q)LAUNCHES=1000000 $(O)/tests/test_warm_leak many_launches
