# SPDX-License-Identifier: BSD-2-Clause
# Programs for tests that need flags of their own. Read after tests.mk.

TINY := $(O)/tests/tools/tiny $(O)/tests/tools/tiny-7
tiny_cc = $(call say,CC,$@)mkdir -p $(@D) && $(TOOL_CC) -nostdlib -static \
	-fno-pie -no-pie $(1) -o $@ $<

ifeq ($(shell $(TOOL_CC) -dumpmachine 2>/dev/null | cut -d- -f1),x86_64)
TINY += $(O)/tests/tools/tiny-32
endif

TOOLS += $(TINY)
build-tests: $(TINY) $(O)/tests/launch_once $(O)/tests/launch_warm \
	$(O)/tests/run_once $(O)/tests/tell_failure $(O)/tests/with_guard

$(O)/tests/tools/tiny: tests/tools/tiny.S
	$(Q)$(call tiny_cc,-DSTATUS=0)
$(O)/tests/tools/tiny-7: tests/tools/tiny.S
	$(Q)$(call tiny_cc,-DSTATUS=7)
$(O)/tests/tools/tiny-32: tests/tools/tiny.S
	$(Q)$(call tiny_cc,-m32 -DSTATUS=32)

# test_syscalls.sh traces these programs.
$(O)/tests/launch_once $(O)/tests/run_once: %: %.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

# test_warm_debug.sh attaches debuggers to what this program launches.
$(O)/tests/launch_warm: $(O)/tests/launch_warm.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

# test_cli.sh compares what this program prints with the words of the command.
$(O)/tests/tell_failure: $(O)/tests/tell_failure.o $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

# with_guard plays a guard for scripts.
$(O)/tests/with_guard: $(O)/tests/with_guard.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^

# test_clean.sh cleans the output of tools with this program.
build-tests: $(O)/tests/clean_output
$(O)/tests/clean_output: $(O)/tests/clean_output.o $(addprefix \
		$(O)/src/cli/mcp/,clean.o clean_kept.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^

# test_policy.sh asks policies by this program, which is the command but for its commands.
build-tests: $(if $(call missing,spawn-template),,$(O)/tests/ask_policy)
$(O)/tests/ask_policy: $(O)/tests/ask_policy.o $(filter-out $(O)/src/cli/main.o,$(CLI_OBJ)) \
		$(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS) -lpthread

# Parts of the command that need no package have tests in C.
$(O)/tests/test_words: $(O)/src/cli/mcp/words.o
$(O)/tests/test_clean: $(addprefix $(O)/src/cli/mcp/,clean.o clean_kept.o)

-include $(O)/tests/ask_policy.d $(O)/tests/clean_output.d $(O)/tests/launch_once.d \
	$(O)/tests/launch_warm.d \
	$(O)/tests/run_once.d $(O)/tests/tell_failure.d \
	$(O)/tests/with_guard.d

# test_warm_hosts.c replaces the library that this program uses, by its next version.
LIBRARY := $(O)/tests/tools/library
build-tests: $(LIBRARY)/uses $(LIBRARY)/libworks-2.so
TOOLS += $(LIBRARY)/uses $(LIBRARY)/libworks.so $(LIBRARY)/libworks-2.so
library_cc = $(call tool_cc,$(TOOL_CC),-shared -fPIC -Wl$(,)-soname$(,)libworks.so \
	-DVERSION=$(1))
, := ,

$(LIBRARY)/libworks.so: tests/tools/library/works.c
	$(Q)$(call library_cc,1)
$(LIBRARY)/libworks-2.so: tests/tools/library/works.c
	$(Q)$(call library_cc,2)
$(LIBRARY)/uses: tests/tools/library/uses.c $(LIBRARY)/libworks.so
	$(Q)$(call tool_cc,$(TOOL_CC)) -L$(@D) -lworks -Wl,-rpath,'$$ORIGIN'
