# SPDX-License-Identifier: BSD-2-Clause
# Fuzz with libFuzzer. It keeps inputs that fail in build/fuzz/finds, and inputs
# that reach new code in build/fuzz/corpus. fuzz/corpus holds the first inputs.
#
#: fuzz            fuzz the parsers and the argument checks, FUZZ_TIME=60 each; those of
#:                 the command, which are small, for a sixth of that

FUZZ_CC ?= clang
FUZZ_TIME ?= 60
FUZZERS := fuzz_args fuzz_cgroup fuzz_clean fuzz_elf fuzz_policy fuzz_proto \
	fuzz_rpc fuzz_words
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_CFLAGS := $(LIB_CFLAGS) -O1 -g -fno-omit-frame-pointer
FUZZ_OBJ := $(LIB_SRC:%.c=$(O)/fuzz/%.o)
FUZZ_LIBS =
# Flags of jansson, which is asked for when it is needed.
FUZZ_MORE =

# The daemon without its main function, and with its maps in memory.
FUZZ_DAEMON_OBJ := $(patsubst %.c,$(O)/fuzz/%.o,tests/fake_loader.c \
	tests/fake_maps.c $(filter-out src/daemon/main.c,$(DAEMON_SRC)))
$(FUZZ_DAEMON_OBJ): FUZZ_CFLAGS += -DVERSION='"$(VERSION)"'

.PHONY: fuzz build-fuzz
build-fuzz: $(FUZZERS:%=$(O)/fuzz/%)

$(O)/fuzz/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_MORE) $(FUZZ_SAN) \
		-fsanitize=fuzzer-no-link \
		-c -o $@ $<

# Build without coverage: each access to the test's maps would look like new code.
$(O)/fuzz/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_SAN) -c -o $@ $<

$(CHILD_OBJ:$(O)/%=$(O)/fuzz/%): $(O)/fuzz/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(CHILD_CFLAGS) -c -o $@ $<

$(FUZZERS:%=$(O)/fuzz/%): $(O)/fuzz/%: fuzz/%.c $(FUZZ_OBJ)
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_MORE) $(FUZZ_SAN) -fsanitize=fuzzer \
		-o $@ $(filter %.c %.o,$^) $(FUZZ_LIBS) -lpthread
$(O)/fuzz/fuzz_proto: $(FUZZ_DAEMON_OBJ)

# Parts of the command, which name the C library's extensions themselves.
FUZZ_RPC_OBJ := $(addprefix $(O)/fuzz/src/cli/,engine/lines.o \
	$(addprefix mcp/,protocol.o reply.o rpc.o send.o text.o tools.o version.o))
FUZZ_CLI_OBJ := $(FUZZ_RPC_OBJ) \
	$(addprefix $(O)/fuzz/src/cli/mcp/,clean.o clean_kept.o words.o)
$(FUZZ_CLI_OBJ): FUZZ_CFLAGS := $(filter-out -D_GNU_SOURCE,$(FUZZ_CFLAGS))
$(FUZZ_RPC_OBJ): FUZZ_CFLAGS += -DVERSION='"$(VERSION)"'
$(FUZZ_RPC_OBJ): FUZZ_MORE = $(JANSSON_CFLAGS)
$(FUZZ_RPC_OBJ): | need-jansson
$(O)/fuzz/fuzz_rpc: $(FUZZ_RPC_OBJ)
$(O)/fuzz/fuzz_rpc: FUZZ_MORE = $(JANSSON_CFLAGS)
$(O)/fuzz/fuzz_rpc: FUZZ_LIBS = $(JANSSON_LIBS)
$(O)/fuzz/fuzz_clean: $(filter %/clean.o %/clean_kept.o,$(FUZZ_CLI_OBJ))
$(O)/fuzz/fuzz_words: $(filter %/words.o,$(FUZZ_CLI_OBJ))

# Policies, with the parts of the command that they stand on.
FUZZ_POLICY_OBJ := $(patsubst %.c,$(O)/fuzz/%.o,$(sort $(wildcard src/cli/policy/*.c) \
	$(addprefix src/cli/,launch.c limits.c names.c output.c sandbox.c \
		stop.c text_safe.c time.c way.c)))
$(FUZZ_POLICY_OBJ): FUZZ_CFLAGS := $(filter-out -D_GNU_SOURCE,$(FUZZ_CFLAGS)) \
	-DVERSION='"$(VERSION)"'
$(FUZZ_POLICY_OBJ) $(O)/fuzz/src/cli/policy/toml.o: | need-jansson need-tomlplusplus
$(FUZZ_POLICY_OBJ) $(O)/fuzz/fuzz_policy: FUZZ_MORE = $(JANSSON_CFLAGS)

# toml++ asks whether U+FCFF and some others are blanks where it expects U+FEFF only.
$(O)/fuzz/src/cli/policy/toml.o: src/cli/policy/toml.cc
	@mkdir -p $(@D)
	$(call say,FUZZCXX,$<)
	$(Q)$(FUZZ_CC) -std=c++17 -O1 -g -I src -MMD -MP $(FUZZ_SAN) \
		-fno-sanitize=vptr,function,unreachable \
		-fsanitize=fuzzer-no-link -c -o $@ $<

$(O)/fuzz/fuzz_policy: $(FUZZ_POLICY_OBJ) $(O)/fuzz/src/cli/policy/toml.o
$(O)/fuzz/fuzz_policy: FUZZ_LIBS = $(JANSSON_LIBS) -lstdc++ -lm

fuzz: build-fuzz $(O)/tests/tools/tiny
	$(Q)for f in $(FUZZERS); do \
		t=$(FUZZ_TIME); \
		case $$f in fuzz_clean | fuzz_policy | fuzz_rpc | fuzz_words) \
			t=$$(((t + 5) / 6)) ;; \
		esac; \
		mkdir -p $(O)/fuzz/corpus/$$f $(O)/fuzz/finds && \
		echo "  FUZZ    $$f, $$t s" && \
		FUZZ_PROGRAM=$(O)/tests/tools/tiny $(O)/fuzz/$$f \
			-max_total_time=$$t -timeout=10 \
			-max_len=16384 -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=$(O)/fuzz/finds/$$f- \
			$(O)/fuzz/corpus/$$f fuzz/corpus/$$f || exit 1; \
	done

-include $(FUZZ_OBJ:.o=.d) $(FUZZ_DAEMON_OBJ:.o=.d) $(FUZZ_CLI_OBJ:.o=.d) \
	$(FUZZ_POLICY_OBJ:.o=.d) $(O)/fuzz/src/cli/policy/toml.d \
	$(FUZZERS:%=$(O)/fuzz/%.d)
