# SPDX-License-Identifier: BSD-2-Clause
# Tests in guests, on other kernels than this machine's. Read after tests.mk.
#
#: check-vm        run the tests in guests with older and newer kernels
#
# VM_KERNELS="5.10 7" and VM_TESTS="guest test_rfc" select; for MUST_WORK,
# VM_TIME and TEST_SLOW see tests/vm/run. Kernels are downloaded once.

VM_KERNELS ?= 5.10 6.1 6.12 6.18 7

# An emulated processor takes 20 times as long. Tests that measure or wait for
# races between threads stay away; those that take a minute run on the first
# kernel, the oldest.
VM_NOT := $(TESTS_ALONE) test_ring test_ring_faults test_ring_launch \
	test_swap test_threads
ifndef VM_TESTS
VM_SLOW := test_collisions test_faults test_host test_ring_fork \
	test_signals
VM_TESTS := guest $(filter-out $(VM_NOT) $(VM_SLOW),$(TEST_SRC:tests/%.c=%))
endif

.PHONY: check-vm build-vm
check-vm:
	$(Q)scripts/deps vm
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/musl CC='$(MUSL_CC)' \
		LDFLAGS=-static build-vm
	$(Q)$(SUB_MAKE) $(SUB_JOBS) $(O)/spawn-template
	$(Q)tests/vm/image $(O)/vm/initramfs $(O)/spawn-template \
		$(O)/musl/tests $(VM_TESTS) $(VM_SLOW)
	$(Q)tests/vm/kernels $(O)/vm/kernels $(VM_KERNELS)
	$(Q)tests/vm/run $(O)/vm/initramfs $(O)/vm/kernels \
		'$(VM_TESTS)' '$(VM_SLOW)' $(VM_KERNELS)

build-vm: $(TOOLS) $(VM_TESTS:%=$(O)/tests/%) $(VM_SLOW:%=$(O)/tests/%)

$(O)/tests/guest: $(O)/tests/vm/guest.o $(O)/tests/harness.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(O)/tests/vm/guest.d
