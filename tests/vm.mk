# SPDX-License-Identifier: BSD-2-Clause
# Run tests in guests, on other kernels than this machine's. Read after tests.mk.
#
#: check-vm        run the guard's tests in guests: each kernel, LSM or fmod_ret
#: check-vm-library run the library's tests in guests, old and new kernels
#
# VM_KERNELS="5.10 7", VM_CELLS="6.1:lsm 7:fmod_ret" and
# VM_TESTS="guest test_rfc" select; for MUST_WORK, MUST_BOOT, VM_TIME, VM_TOTAL
# and TEST_SLOW see tests/vm/cells and tests/vm/run. Kernels are downloaded once.

VM_KERNELS ?= 5.10 6.1 6.12 6.18 7

# ---- the matrix: every kernel that can have the guard, in both modes

VM_UNGUARDED := 5.10
VM_CELLS ?= $(foreach k,$(filter-out $(VM_UNGUARDED),$(VM_KERNELS)),\
	$(k):lsm $(k):fmod_ret) \
	$(addsuffix :none,$(filter $(VM_UNGUARDED),$(VM_KERNELS)))

# Each guard_*.c is a test program; their common code is in guarding*.c.
GUARD_TESTS := $(patsubst tests/vm/%.c,%,$(sort \
	$(wildcard tests/vm/guard_*.c)))
VM_CELL_TESTS := $(if $(VM_TESTS),$(VM_TESTS),$(GUARD_TESTS) guest test_rfc)

# ---- the library, one kernel after the other

# An emulated processor takes 20 times as long. Tests that measure, or wait for races
# between threads, are left out; tests that take a minute run on the first kernel
# only, the oldest.
VM_NOT := $(TESTS_ALONE) test_ring test_ring_faults test_ring_launch \
	test_swap test_threads
ifdef VM_TESTS
VM_LIB_TESTS := $(VM_TESTS)
else
VM_SLOW := test_collisions test_faults test_host test_ring_fork \
	test_signals
VM_LIB_TESTS := guest limits $(filter-out $(VM_NOT) $(VM_SLOW),\
	$(TEST_SRC:tests/%.c=%)) prepared
endif

# The programs to copy into a guest: built here, or this machine's.
VM_COMMANDS := $(O)/spawn-template
VM_COMMANDS += $(O)/spawn-templated
VM_PROGRAMS := bpftool mkfs.ext4 mkfs.btrfs btrfs

# ---- rules

.PHONY: check-vm check-vm-library build-vm
check-vm: BUILD_VM = $(VM_CELL_TESTS)
check-vm-library: BUILD_VM = $(VM_LIB_TESTS) $(VM_SLOW)

# Programs in a guest are static, since these start fastest, and a guest spends most
# of its time on starts.
define make_image
	$(Q)scripts/deps vm
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/musl CC='$(MUSL_CC)' \
		LDFLAGS=-static BUILD_VM='$(BUILD_VM)' build-vm
	$(Q)$(SUB_MAKE) $(SUB_JOBS) $(VM_COMMANDS)
	$(Q)tests/vm/image $(O)/vm/initramfs $(O)/musl/tests '$(BUILD_VM)' \
		$(VM_COMMANDS) $(VM_PROGRAMS)
endef

check-vm:
	$(make_image)
	$(Q)tests/vm/kernels $(O)/vm/kernels $(sort $(foreach c,$(VM_CELLS),\
		$(firstword $(subst :, ,$(c)))))
	$(Q)tests/vm/cells $(O)/vm/initramfs $(O)/vm/kernels $(O)/vm/cells \
		'$(BUILD_VM)' $(VM_CELLS)

check-vm-library:
	$(make_image)
	$(Q)tests/vm/kernels $(O)/vm/kernels $(VM_KERNELS)
	$(Q)tests/vm/run $(O)/vm/initramfs $(O)/vm/kernels \
		'$(VM_LIB_TESTS)' '$(VM_SLOW)' $(VM_KERNELS)

build-vm: $(TOOLS) $(BUILD_VM:%=$(O)/tests/%)

GUARD_SHARED := $(patsubst %.c,$(O)/%.o,$(sort \
	$(wildcard tests/vm/guarding*.c)))

$(O)/tests/guest $(O)/tests/limits $(O)/tests/prepared: $(O)/tests/%: $(O)/tests/vm/%.o \
		$(O)/tests/harness.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

$(GUARD_TESTS:%=$(O)/tests/%): $(O)/tests/%: $(O)/tests/vm/%.o \
		$(GUARD_SHARED) $(O)/tests/harness.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(O)/tests/vm/guest.d $(O)/tests/vm/limits.d \
	$(O)/tests/vm/prepared.d $(GUARD_TESTS:%=$(O)/tests/vm/%.d) \
	$(GUARD_SHARED:.o=.d)
