# SPDX-License-Identifier: BSD-2-Clause
# The programs that are built beside the library: their needs besides a C compiler,
# and the flags that harden them.
#
# A part adds its program's NAME to PROGRAMS, lists the program's needs in NEEDS_NAME,
# and has the targets install-NAME and uninstall-NAME. For each NEED there is a
# variable NO_NEED: empty, or words that name the missing thing.
#
# A program whose needs are missing is left out, and 'make' says why. MUST_BUILD=1
# makes that an error; so do MUST_WORK=1, and 'make check' without SKIP_DEPS=1.

PROGRAMS :=
NEEDS := clang bpftool libbpf jansson static-jansson tomlplusplus
MUST_BUILD ?= $(filter 1,$(MUST_WORK))

missing = $(strip $(foreach need,$(NEEDS_$(1)),$(if $(NO_$(need)),$(need))))
BUILT = $(foreach p,$(PROGRAMS),$(if $(call missing,$(p)),,$(p)))
LEFT_OUT = $(strip $(foreach p,$(PROGRAMS),$(foreach need,$(call missing,$(p)),\
	echo 'left out: $(p): $(NO_$(need))' >&2;)))

.PHONY: none-left-out
none-left-out:
	$(if $(LEFT_OUT),@$(LEFT_OUT) exit 1)

# An object that cannot be compiled without NEED waits for need-NEED.
.PHONY: $(NEEDS:%=need-%)
$(NEEDS:%=need-%): need-%:
	$(if $(NO_$*),@echo '$(NO_$*)' >&2; exit 1)

# ---- packages, by pkg-config

PKG_CONFIG ?= pkg-config

# Computes a variable at its first use, and keeps the value.
once = $(eval $(1) := $(2))$($(1))

NO_pkg-config = $(call once,NO_pkg-config,$(shell \
	command -v $(PKG_CONFIG) >/dev/null || \
	echo 'no $(PKG_CONFIG) (Debian: pkg-config)'))

# Gives words if no program can be linked with a package, else nothing. Arguments: the
# package, a header of it, Debian's package, more flags.
no_package = $(or $(NO_pkg-config),$(shell { $(PKG_CONFIG) --exists $(1) && \
	echo 'int main(void) { return 0; }' | $(CC) $(CFLAGS) $(4) \
		$$($(PKG_CONFIG) --cflags $(1)) -include $(2) -x c \
		-o /dev/null - $(LDFLAGS) $$($(PKG_CONFIG) --libs $(1)); \
	} >/dev/null 2>&1 || echo 'no $(1) (Debian: $(3))'))

JANSSON_CFLAGS = $(call once,JANSSON_CFLAGS,$(shell $(PKG_CONFIG) --cflags jansson))
JANSSON_LIBS = $(call once,JANSSON_LIBS,$(shell $(PKG_CONFIG) --libs jansson))
NO_jansson = $(call once,NO_jansson,$(call \
	no_package,jansson,jansson.h,libjansson-dev))
NO_static-jansson = $(call once,NO_static-jansson,$(patsubst no,no static,$(call \
	no_package,jansson,jansson.h,libjansson-dev and libc6-dev,-static)))

# Headers for C++, and its run-time library. To compile toml++ takes a second, too long to
# ask whether it is there.
CXX ?= g++
hash := \#
NO_tomlplusplus = $(call once,NO_tomlplusplus,$(shell \
	printf '%s\n' '$(hash)include <string>' \
		'$(hash)if !__has_include(<toml++/toml.h>)' '$(hash)error' '$(hash)endif' | \
	$(CXX) -std=c++17 -x c++ -E - >/dev/null 2>&1 || \
	echo 'no toml++ (Debian: libtomlplusplus-dev and g++)'))

# ---- hardening; a sanitizer has checks of its own, which exclude FORTIFY

# Flags, if the compiler takes them and some C compiles with them.
cc_takes = $(shell echo '$(2)' | $(CC) -Werror $(1) $(CFLAGS) -include stdlib.h \
	-x c -c -o /dev/null - >/dev/null 2>&1 && echo '$(1)')
# A level that the C library has, in a build with optimisation.
fortify = $(call cc_takes,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(1),\
	_Static_assert(__USE_FORTIFY_LEVEL == $(1)$(comma) "");)
comma := ,

HARDEN_CFLAGS = $(if $(SAN),-fPIE,$(call once,HARDEN_CFLAGS,-fPIE \
	$(call cc_takes,-fstack-protector-strong) \
	$(call cc_takes,-fstack-clash-protection) \
	$(or $(call fortify,3),$(call fortify,2))))
HARDEN_LDFLAGS = $(if $(filter -static -static-pie,$(CFLAGS) $(LDFLAGS)),,-pie) \
	-Wl,-z,relro -Wl,-z,now

STATIC_LDFLAGS = $(call once,STATIC_LDFLAGS,$(if $(call \
	no_package,jansson,jansson.h,,-static-pie),-static,-static-pie))

PROGRAM_CFLAGS = $(BASE_CFLAGS) $(HARDEN_CFLAGS)
