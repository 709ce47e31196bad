# SPDX-License-Identifier: BSD-2-Clause
# The library: static, shared, and its pkg-config file. Only a C compiler, make and
# binutils are needed; with the Makefile, the files below are enough to build it.
#
#: library         build the library alone: build/libspawn_template.a, .so, and the .pc
#: install-library install the library, its header and manual pages alone
#: uninstall-library remove the files that install-library put there

# A folder is a part. src/loader.c belongs to src/loader, and stands where users
# look for it.
LIB_DIRS := src src/run src/tree src/warm src/sandbox src/guard src/shared src/shared/process
LIB_SRC := $(filter-out src/loader.c,$(sort $(wildcard \
	$(LIB_DIRS:%=%/*.c))))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o)
LIB_A := $(O)/libspawn_template.a
LIB_SO := $(O)/libspawn_template.so.$(VERSION)
LIB_PC := $(O)/spawn_template.pc
LIB_CFLAGS := $(BASE_CFLAGS) -D_GNU_SOURCE -fvisibility=hidden -fPIC

.PHONY: library
library: $(LIB_A) $(O)/libspawn_template.so $(LIB_PC)

$(O)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(LIB_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

# child.c runs between clone and exec, in memory shared with the parent: it has no
# stack protector, no sanitizer and no library call. scripts/check-child proves that.
CHILD_CFLAGS := -fno-stack-protector -ffreestanding -fno-sanitize=all \
	-fno-builtin -fno-lto -U_FORTIFY_SOURCE -O2
$(O)/src/tree/supervisor_child.o $(O)/src/warm/stub.o: CHILD_CFLAGS += \
	-fno-jump-tables -fno-tree-vectorize -mgeneral-regs-only
CHILD_OBJ := $(O)/src/child.o $(O)/src/tree/supervisor_child.o \
	$(O)/src/warm/stub.o
# Three processes run its code at a time, in memory and a thread block that they share.
$(addprefix $(O)/src/warm/,park.o tracer.o facts.o mapped.o shell_park.o stops.o \
	dash_park.o python_park.o node_park.o symbols.o): SAN_FLAGS :=

$(CHILD_OBJ): $(O)/src/%.o: src/%.c scripts/check-child
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

make_pc = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
	src/spawn_template.pc.in

# Generated each time, since PREFIX may have changed.
$(LIB_PC): FORCE
	@mkdir -p $(@D)
	$(Q)$(make_pc) > $@
.PHONY: FORCE
FORCE:

-include $(LIB_OBJ:.o=.d)

# ---- the files that this recipe needs, for setup.py and others to pack

LIB_FILES = Makefile LICENSE src/library.mk scripts/check-child \
	scripts/tell-loader include/spawn_template.h bpf/exec_cache.h \
	src/spawn_template.map src/spawn_template.pc.in $(LIB_SRC) \
	$(wildcard $(LIB_DIRS:%=%/*.h) src/arch/*.h)

.PHONY: print-library-files
print-library-files:
	@printf '%s\n' $(sort $(LIB_FILES))

# ---- install

# Tell the loader of this machine, unless DESTDIR is for another place.
tell_loader = $(if $(filter-out /,$(DESTDIR)),,scripts/tell-loader $(LIBDIR))

.PHONY: install-library uninstall-library
install-library: library
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m644 include/spawn_template.h $(DESTDIR)$(INCLUDEDIR)
	install -m644 $(LIB_A) $(DESTDIR)$(LIBDIR)
	install -m755 $(LIB_SO) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(LIB_SO)) \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so.$(SOVERSION)
	ln -sf libspawn_template.so.$(SOVERSION) \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so
	$(make_pc) > $(DESTDIR)$(LIBDIR)/pkgconfig/spawn_template.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/spawn_template.pc
	$(call strip_installed,--strip-debug,$(LIBDIR)/libspawn_template.a)
	$(call strip_installed,--strip-unneeded,$(LIBDIR)/$(notdir $(LIB_SO)))
	$(tell_loader)

uninstall-library:
	rm -f $(DESTDIR)$(INCLUDEDIR)/spawn_template.h \
		$(DESTDIR)$(LIBDIR)/libspawn_template.a \
		$(DESTDIR)$(LIBDIR)/libspawn_template.so* \
		$(DESTDIR)$(LIBDIR)/pkgconfig/spawn_template.pc
	$(tell_loader)
