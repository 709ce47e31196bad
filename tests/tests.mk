# SPDX-License-Identifier: BSD-2-Clause
# Build and run the tests: a program or script for each area, and programs to launch.
#
#: run-check       run the tests that 'make check' runs, without its set-up
#: check-sandboxed run them as another user, in a sandbox such as containers have
#: check-asan      run them under the address and undefined sanitizers
#: check-tsan      run those with threads and signals under ThreadSanitizer
#: check-musl      run the library and its tests built with musl

TEST_SRC := $(sort $(wildcard tests/test_*.c))
TEST_SH := $(sort $(wildcard tests/test_*.sh))
TESTS := $(TEST_SRC:%.c=$(O)/%)
TEST_OBJ := $(TEST_SRC:%.c=$(O)/%.o) $(O)/tests/harness.o

# The programs that tests launch are never built with sanitizers.
TOOL_SRC := $(sort $(wildcard tests/tools/*.c))
TOOLS := $(TOOL_SRC:%.c=$(O)/%)
TOOL_CC ?= gcc
PROBES := probe-static probe-static-pie
ifneq ($(shell command -v musl-gcc 2>/dev/null),)
PROBES += probe-musl probe-musl-static
endif
TOOLS += $(PROBES:%=$(O)/tests/tools/%)

# These tests measure growth or need the machine for themselves.
TESTS_ALONE := test_run_tree test_tree test_tree_cgroup

# These take longest, so they start first and leave no processor idle at the end.
TESTS_LONG := test_ring_faults test_denied.sh test_cli.sh test_faults
long_first = $(foreach t,$(TESTS_LONG),$(filter %/$(t),$(1))) \
	$(filter-out $(TESTS_LONG:%=\%/%),$(1))

CHECKS += build-tests

.PHONY: build-tests run-check check-sandboxed check-asan check-tsan check-musl
build-tests: $(TESTS) $(TOOLS)

$(O)/tests/%.o: tests/%.c tests/harness.h include/spawn_template.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(TESTS): $(O)/tests/%: $(O)/tests/%.o $(O)/tests/harness.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

tool_cc = $(call say,CC,$@)mkdir -p $(@D) && $(1) -std=gnu11 $(WARN) -iquote src \
	-O2 -g $(2) -o $@ $<

$(TOOL_SRC:%.c=$(O)/%): $(O)/tests/tools/%: tests/tools/%.c
	$(Q)$(call tool_cc,$(TOOL_CC))
$(O)/tests/tools/probe-static: tests/tools/probe.c
	$(Q)$(call tool_cc,$(TOOL_CC),-static)
$(O)/tests/tools/probe-static-pie: tests/tools/probe.c
	$(Q)$(call tool_cc,$(TOOL_CC),-static-pie)
$(O)/tests/tools/probe-musl: tests/tools/probe.c
	$(Q)$(call tool_cc,musl-gcc)
$(O)/tests/tools/probe-musl-static: tests/tools/probe.c
	$(Q)$(call tool_cc,musl-gcc,-static)

$(O)/tests/tools/deny: tests/denied.h src/shared/calls.h

.SECONDARY: $(TEST_OBJ)
-include $(TEST_OBJ:.o=.d)

run-check: all build-tests
	$(Q)O='$(O)' CC='$(CC)' tests/run $(TESTS_ALONE:%=-a %) \
		$(call long_first,$(TESTS) $(TEST_SH))

# SANDBOX_TESTS="test_begin test_cli.sh" selects. Without clone3(2), a launch makes many
# calls more, so the tests that let each of them fail take longer.
SANDBOX_RUN = $(if $(SANDBOX_TESTS),$(filter $(SANDBOX_TESTS:%=\%/%),\
	$(TESTS) $(TEST_SH)),$(TESTS) $(TEST_SH))
check-sandboxed: all build-tests
	$(Q)O='$(O)' CC='$(CC)' TEST_TIME=600 tests/sandboxed \
		$(TESTS_ALONE:%=-a %) $(SANDBOX_RUN)

# ---- the same tests in other builds, which install no packages

SUB_MAKE = $(MAKE) --no-print-directory
SUB_JOBS := -j$(shell nproc)

# Tests wait more than they compute. So three run at a time where time limits are
# multiplied, on two processors.
SLOW_JOBS = JOBS=$$(($$(nproc) * 3 / 2))

# The command line tool has the sanitizers, too, for its scripts. A case that a
# sanitizer forbids is skipped whatever MUST_WORK is: 'check' runs it.
check-asan:
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/asan SAN=address,undefined \
		all build-tests
	$(Q)ASAN_OPTIONS=detect_stack_use_after_return=1 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		TEST_SLOW=4 TEST_TIME=900 O='$(O)/asan' SAN=address $(SLOW_JOBS) \
		MUST_WORK=0 \
		tests/run $(TESTS_ALONE:%=-a %) \
		$(call long_first,$(TESTS:$(O)/%=$(O)/asan/%) \
		$(filter %/test_batch.sh %/test_cli.sh %/test_cli_guard.sh \
		%/test_doctor.sh %/test_mcp.sh,$(TEST_SH)))

# ThreadSanitizer needs an address layout that random placement may deny it.
TSAN_TESTS := $(filter %/test_attrs %/test_begin %/test_cache \
	%/test_cache_hold %/test_collisions %/test_fork \
	%/test_guard %/test_host %/test_identity %/test_kill \
	%/test_input %/test_pty %/test_rfc %/test_ring %/test_room \
	%/test_ring_cancel %/test_ring_cgroup %/test_ring_exec %/test_ring_fork \
	%/test_ring_launch %/test_ring_short %/test_run_host %/test_signals \
	%/test_sandbox %/test_stat %/test_stream %/test_supervisor %/test_swap \
	%/test_tail %/test_threads %/test_warm %/test_warm_begin,$(TESTS))
check-tsan:
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/tsan SAN=thread \
		$(TSAN_TESTS:$(O)/%=$(O)/tsan/%) \
		$(TOOLS:$(O)/%=$(O)/tsan/%)
	$(Q)TSAN_OPTIONS=halt_on_error=1 TEST_SLOW=10 TEST_TIME=900 \
		MUST_WORK=0 O='$(O)/tsan' SAN=thread $(SLOW_JOBS) \
		setarch -R tests/run \
		$(TESTS_ALONE:%=-a %) $(TSAN_TESTS:$(O)/%=$(O)/tsan/%)

# musl-gcc has no kernel headers; the system's are searched last.
MUSL_CC = musl-gcc -idirafter /usr/include \
	-idirafter /usr/include/$(shell gcc -print-multiarch)
check-musl:
	$(Q)$(SUB_MAKE) $(SUB_JOBS) O=$(O)/musl CC='$(MUSL_CC)' \
		LDFLAGS=-static build-tests
	$(Q)O='$(O)/musl' TEST_SLOW=2 $(SLOW_JOBS) tests/run $(TESTS_ALONE:%=-a %) \
		$(call long_first,$(TESTS:$(O)/%=$(O)/musl/%))
