# SPDX-License-Identifier: BSD-2-Clause
# The command line tool, its completions and their installation. man/man.mk installs
# the manual page.
#
#: static-cli      the command as one file that needs no other: build/static/spawn-template

# A program has one of each pair of twin files.
CLI_TWINS := src/cli/guard/account_nss.c src/cli/guard/account_files.c
CLI_SRC := $(filter-out $(CLI_TWINS),$(sort \
	$(wildcard src/cli/*.c src/cli/*/*.c src/shared/metrics/*.c)))

# Policies are TOML, which the headers of toml++ parse.
TOML_OBJ := $(O)/src/cli/policy/toml.o
$(TOML_OBJ): src/cli/policy/toml.cc | need-tomlplusplus
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra -fvisibility=hidden -I src -MMD -MP \
		$(HARDEN_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

# The command 'bench' measures with the same code as the benchmarks.
CLI_COMMON := $(CLI_SRC:%.c=$(O)/%.o) $(MEASURE_OBJ) $(TOML_OBJ)
CLI_OBJ := $(CLI_COMMON) $(O)/src/cli/guard/account_nss.o
CLI_STATIC_OBJ := $(CLI_COMMON) $(O)/src/cli/guard/account_files.o

# The run-time library of C++ is linked in, if there is an archive of it: to load and to
# relocate it took more time than all else at the start of the command.
LIBSTDCXX = $(call once,LIBSTDCXX,$(or $(if $(SAN),,$(shell \
	echo 'int main(void) { return 0; }' | $(CC) -static-libgcc -x c -o /dev/null - \
		-l:libstdc++.a 2>/dev/null && echo '-static-libgcc -l:libstdc++.a')),-lstdc++))
CLI_LIBS = $(JANSSON_LIBS) $(LIBSTDCXX) -lm

PROGRAMS += spawn-template
NEEDS_spawn-template := jansson tomlplusplus

# These files need no package, so that their tests and fuzzers need none.
CLI_PLAIN := $(addprefix $(O)/src/cli/mcp/,words.o clean.o clean_kept.o)

$(filter-out $(CLI_PLAIN),$(filter $(O)/src/cli/%,$(CLI_OBJ) $(CLI_STATIC_OBJ))): \
	| need-jansson
$(O)/src/cli/%.o: src/cli/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(PROGRAM_CFLAGS) -DVERSION='"$(VERSION)"' \
		$(JANSSON_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(O)/spawn-template: $(CLI_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LDFLAGS) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

# It needs no file of the machine that it runs on, and no dynamic linker.
.PHONY: static-cli
static-cli: $(O)/static/spawn-template

$(O)/static/spawn-template: $(CLI_STATIC_OBJ) $(LIB_A) | need-static-jansson
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(STATIC_LDFLAGS) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ \
		$(CLI_LIBS)

-include $(TOML_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(CLI_STATIC_OBJ:.o=.d)

# ---- install

BASH_DIR = $(PREFIX)/share/bash-completion/completions
ZSH_DIR = $(PREFIX)/share/zsh/site-functions
FISH_DIR = $(PREFIX)/share/fish/vendor_completions.d

.PHONY: install-spawn-template uninstall-spawn-template
install-spawn-template: $(O)/spawn-template
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(BASH_DIR) \
		$(DESTDIR)$(ZSH_DIR) $(DESTDIR)$(FISH_DIR)
	install -m755 $(O)/spawn-template $(DESTDIR)$(BINDIR)
	$(call strip_installed,,$(BINDIR)/spawn-template)
	install -m644 completions/spawn-template.bash \
		$(DESTDIR)$(BASH_DIR)/spawn-template
	install -m644 completions/_spawn-template $(DESTDIR)$(ZSH_DIR)
	install -m644 completions/spawn-template.fish $(DESTDIR)$(FISH_DIR)

uninstall-spawn-template:
	rm -f $(DESTDIR)$(BINDIR)/spawn-template \
		$(DESTDIR)$(BASH_DIR)/spawn-template \
		$(DESTDIR)$(ZSH_DIR)/_spawn-template \
		$(DESTDIR)$(FISH_DIR)/spawn-template.fish
