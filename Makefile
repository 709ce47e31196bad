# SPDX-License-Identifier: BSD-2-Clause
# Library, command line tool, demo, tests and benchmarks. 'make help' lists the
# targets. The rules of a part stand beside its sources, in <part>/<part>.mk.
#
#: all             the library, the command line tool and what is installed with them
#: demo            set up, build, and run the agent mix on real tools both ways
#: check           set up, build, and run the tests: under 5 minutes
#: deps            install what building, demo and tests need
#: install         into DESTDIR, below PREFIX (/usr/local)
#: uninstall       remove what install put there
#: clean           remove the build directory
#
# V=1 shows commands, O=DIR builds elsewhere, SAN=address,undefined or thread
# builds with sanitizers, CC= and CFLAGS= as usual.

VERSION := 0.4.0
SOVERSION := 0

O ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow
BASE_CFLAGS := -std=gnu11 $(WARN) -Iinclude -iquote src -iquote . -MMD -MP
LIB_CFLAGS := $(BASE_CFLAGS) -D_GNU_SOURCE -fvisibility=hidden -fPIC
ifdef SAN
SAN_FLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer
endif

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

# A folder is a part. src/loader.c belongs to src/loader, and stands where users
# look for it.
LIB_DIRS := src src/run src/tree src/guard src/shared
LIB_SRC := $(filter-out src/loader.c,$(sort $(wildcard \
	$(LIB_DIRS:%=%/*.c))))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o)
LIB_A := $(O)/libspawn_template.a
LIB_SO := $(O)/libspawn_template.so.$(VERSION)

.DEFAULT_GOAL := all
ALL :=			# the parts add to it
CHECKS :=		# what 'make check' builds and runs

PARTS := bpf src/shared/measure src/daemon src/cli bench demo tests fuzz man scripts bindings/python
include $(wildcard $(PARTS:%=%/*.mk))

.PHONY: all
all: $(LIB_A) $(O)/libspawn_template.so $(O)/spawn_template.pc $(ALL)

# ---- library

$(O)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(LIB_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

# child.c runs between clone and exec, in memory shared with the parent: no
# stack protector, no sanitizer, no library call. scripts/check-child proves it.
CHILD_CFLAGS := -fno-stack-protector -ffreestanding -fno-sanitize=all \
	-fno-builtin -fno-lto -O2
$(O)/src/tree/supervisor_child.o: CHILD_CFLAGS += \
	-fno-jump-tables -fno-tree-vectorize -mgeneral-regs-only
$(O)/src/child.o $(O)/src/tree/supervisor_child.o: $(O)/src/%.o: src/%.c scripts/check-child
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(LIB_CFLAGS) $(CFLAGS) $(CHILD_CFLAGS) -c -o $@ $<
	$(Q)scripts/check-child $@

$(LIB_A): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB_SO): $(LIB_OBJ) src/spawn_template.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(LIB_OBJ) \
		-Wl,-soname,libspawn_template.so.$(SOVERSION) \
		-Wl,--version-script,src/spawn_template.map \
		-Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now \
		$(if $(SAN),,-Wl,--no-undefined)

$(O)/libspawn_template.so: $(LIB_SO)
	$(Q)ln -sf $(notdir $(LIB_SO)) $(O)/libspawn_template.so.$(SOVERSION)
	$(Q)ln -sf libspawn_template.so.$(SOVERSION) $@

# Written anew each time: PREFIX may be another than at the last build.
$(O)/spawn_template.pc: src/spawn_template.pc.in FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
		-e 's|@VERSION@|$(VERSION)|g' $< > $@
.PHONY: FORCE
FORCE:

-include $(LIB_OBJ:.o=.d)

# ---- set-up, demo, tests: each does all that it needs

.PHONY: deps demo check
deps:
	$(Q)scripts/deps

demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory run-demo

check: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all $(CHECKS)
	$(Q)$(MAKE) --no-print-directory run-check

# ---- install

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(BINDIR)
	install -m644 include/spawn_template.h $(DESTDIR)$(INCLUDEDIR)
	install -m644 $(LIB_A) $(DESTDIR)$(LIBDIR)
	install -m755 $(LIB_SO) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(LIB_SO)) \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so.$(SOVERSION)
	ln -sf libspawn_template.so.$(SOVERSION) \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so
	install -m644 $(O)/spawn_template.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m755 $(O)/spawn-template $(DESTDIR)$(BINDIR)
	$(INSTALL_MORE)

uninstall:
	rm -f $(DESTDIR)$(INCLUDEDIR)/spawn_template.h \
		$(DESTDIR)$(LIBDIR)/libspawn_template.a \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so* \
		$(DESTDIR)$(LIBDIR)/pkgconfig/spawn_template.pc \
		$(DESTDIR)$(BINDIR)/spawn-template
	$(UNINSTALL_MORE)

.PHONY: clean help
clean:
	rm -rf $(O)

help:
	@sed -n 's/^#: /  /p' $(MAKEFILE_LIST)
	@echo 'V=1 shows commands, O=DIR builds elsewhere, DESTDIR= and PREFIX= for install'
