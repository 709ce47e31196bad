# SPDX-License-Identifier: BSD-2-Clause
# Library, command line tool, demo, tests and benchmarks. 'make help' lists the
# targets. The rules of a part stand beside its sources, in <part>/<part>.mk.
#
#: all             the library, and the programs that can be built here
#: demo            set up, build, and run the agent mix on real tools both ways
#: check           set up, build, and run the tests: about 7 minutes on two cores
#: deps            install the packages that building, demo and tests need
#: install         into DESTDIR, below PREFIX (/usr/local)
#: install-strip   the same, without symbols that only debuggers need
#: uninstall       remove the files that install put there
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

# For recipes that install: strips an installed file, if this is install-strip.
STRIP ?= strip
strip_installed = $(if $(STRIPPED),$(STRIP) $(1) $(DESTDIR)$(2))

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow
BASE_CFLAGS := -std=gnu11 $(WARN) -Iinclude -iquote src -iquote . -MMD -MP
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

.DEFAULT_GOAL := all
CHECKS :=		# built and run by 'make check'; the parts add to it

PARTS := src bpf src/shared/measure src/daemon src/cli bench demo tests fuzz man \
	scripts bindings/tests bindings/python bindings/rust bindings/node
include $(wildcard $(PARTS:%=%/*.mk))

# Expand prerequisites late: the list of programs is known once the machine was asked.
.SECONDEXPANSION:

.PHONY: all
all: $(if $(MUST_BUILD),none-left-out) library $$(addprefix $$(O)/,$$(BUILT))
	@$(LEFT_OUT)

# ---- set-up, demo, tests: each does all that it needs

.PHONY: deps demo check
deps:
	$(Q)scripts/deps

demo: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory run-demo

check: deps
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) \
		MUST_BUILD=$(if $(SKIP_DEPS),$(MUST_BUILD),1) all $(CHECKS)
	$(Q)$(MAKE) --no-print-directory run-check

# ---- install: the parts that are built

.PHONY: install install-strip uninstall
install: all install-library $$(addprefix install-,$$(BUILT))

install-strip: STRIPPED := 1
install-strip: install

uninstall: uninstall-library $(PROGRAMS:%=uninstall-%)

.PHONY: clean help
clean:
	rm -rf $(O)

help:
	@sed -n 's/^#: /  /p' $(MAKEFILE_LIST)
	@echo 'V=1 shows commands, O=DIR builds elsewhere, DESTDIR= and PREFIX= for install'
