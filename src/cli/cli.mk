# SPDX-License-Identifier: BSD-2-Clause
# The command line tool, its completions and their installation. The manual page
# is installed by man/man.mk.

CLI_SRC := $(filter-out src/cli/doctor/cpuid_%.c,$(sort \
	$(wildcard src/cli/*.c src/cli/*/*.c src/shared/metrics/*.c)))

# Twin files: one is built.
CLI_ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
ifneq ($(filter x86_64 i386 i486 i586 i686,$(CLI_ARCH)),)
CLI_SRC += src/cli/doctor/cpuid_x86.c
else
CLI_SRC += src/cli/doctor/cpuid_none.c
endif

# 'bench' measures as the benchmarks do.
CLI_OBJ := $(CLI_SRC:%.c=$(O)/%.o) $(MEASURE_OBJ)
CLI_CFLAGS = $(BASE_CFLAGS) -DVERSION='"$(VERSION)"' \
	$(shell pkg-config --cflags jansson)
CLI_LIBS = $(shell pkg-config --libs jansson) -lm

ALL += $(O)/spawn-template

$(O)/src/cli/%.o: src/cli/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CLI_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(O)/spawn-template: $(CLI_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

-include $(CLI_OBJ:.o=.d)

BASH_DIR = $(PREFIX)/share/bash-completion/completions
ZSH_DIR = $(PREFIX)/share/zsh/site-functions
FISH_DIR = $(PREFIX)/share/fish/vendor_completions.d

define CLI_INSTALL
install -d $(DESTDIR)$(BASH_DIR) $(DESTDIR)$(ZSH_DIR) $(DESTDIR)$(FISH_DIR)
install -m644 completions/spawn-template.bash \
	$(DESTDIR)$(BASH_DIR)/spawn-template
install -m644 completions/_spawn-template $(DESTDIR)$(ZSH_DIR)
install -m644 completions/spawn-template.fish $(DESTDIR)$(FISH_DIR)

endef

define CLI_UNINSTALL
rm -f $(DESTDIR)$(BASH_DIR)/spawn-template \
	$(DESTDIR)$(ZSH_DIR)/_spawn-template \
	$(DESTDIR)$(FISH_DIR)/spawn-template.fish

endef

INSTALL_MORE += $(CLI_INSTALL)
UNINSTALL_MORE += $(CLI_UNINSTALL)
