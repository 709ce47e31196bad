# SPDX-License-Identifier: BSD-2-Clause
# Build the guard's daemon, which contains the kernel programs.

LOADER_SRC := src/loader.c $(sort $(wildcard src/loader/*.c))
DAEMON_SRC := $(sort $(wildcard src/daemon/*.c src/daemon/*/*.c \
	src/shared/log/*.c src/shared/metrics/*.c src/shared/process/*.c))
LOADER_OBJ := $(LOADER_SRC:%.c=$(O)/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(O)/%.o)
LIBBPF_CFLAGS = $(call once,LIBBPF_CFLAGS,$(shell $(PKG_CONFIG) --cflags libbpf))
LIBBPF_LIBS = $(call once,LIBBPF_LIBS,$(shell $(PKG_CONFIG) --libs libbpf))
NO_libbpf = $(call once,NO_libbpf,$(call no_package,libbpf,bpf/libbpf.h,libbpf-dev))

PROGRAMS += spawn-templated
NEEDS_spawn-templated := clang bpftool libbpf

SBINDIR ?= $(PREFIX)/sbin
UNIT_DIR = $(PREFIX)/lib/systemd/system
SYSUSERS_DIR = $(PREFIX)/lib/sysusers.d
TMPFILES_DIR = $(PREFIX)/lib/tmpfiles.d

$(LOADER_OBJ): DAEMON_CFLAGS = -I$(O)/bpf $(LIBBPF_CFLAGS)
$(filter-out $(LIB_OBJ),$(DAEMON_OBJ) $(LOADER_OBJ)): $(O)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(PROGRAM_CFLAGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
		$(DAEMON_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(LOADER_OBJ): | $(BPF_SKEL) need-libbpf

$(O)/spawn-templated: $(DAEMON_OBJ) $(LOADER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(HARDEN_LDFLAGS) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ \
		$(LIBBPF_LIBS)

-include $(DAEMON_OBJ:.o=.d) $(LOADER_OBJ:.o=.d)

# ---- install

.PHONY: install-spawn-templated uninstall-spawn-templated
install-spawn-templated: $(O)/spawn-templated
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNIT_DIR) \
		$(DESTDIR)$(SYSUSERS_DIR) $(DESTDIR)$(TMPFILES_DIR)
	install -m755 $(O)/spawn-templated $(DESTDIR)$(SBINDIR)
	$(call strip_installed,,$(SBINDIR)/spawn-templated)
	sed 's|@SBINDIR@|$(SBINDIR)|g' systemd/spawn-templated.service.in \
		> $(DESTDIR)$(UNIT_DIR)/spawn-templated.service
	chmod 644 $(DESTDIR)$(UNIT_DIR)/spawn-templated.service
	install -m644 systemd/spawn-templated.socket $(DESTDIR)$(UNIT_DIR)
	install -m644 systemd/sysusers.conf $(DESTDIR)$(SYSUSERS_DIR)/spawn-template.conf
	install -m644 systemd/tmpfiles.conf $(DESTDIR)$(TMPFILES_DIR)/spawn-template.conf

uninstall-spawn-templated:
	rm -f $(DESTDIR)$(SBINDIR)/spawn-templated \
		$(DESTDIR)$(UNIT_DIR)/spawn-templated.service \
		$(DESTDIR)$(UNIT_DIR)/spawn-templated.socket \
		$(DESTDIR)$(SYSUSERS_DIR)/spawn-template.conf \
		$(DESTDIR)$(TMPFILES_DIR)/spawn-template.conf
