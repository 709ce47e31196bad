# SPDX-License-Identifier: BSD-2-Clause
# Build the guard's daemon, which contains the kernel programs.

LOADER_SRC := src/loader.c $(sort $(wildcard src/loader/*.c))
DAEMON_SRC := $(sort $(wildcard src/daemon/*.c src/shared/log/*.c \
	src/shared/metrics/*.c src/shared/process/*.c))
LOADER_OBJ := $(LOADER_SRC:%.c=$(O)/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(O)/%.o)
DAEMON_LIBS = $(shell pkg-config --libs libbpf)

SBINDIR ?= $(PREFIX)/sbin
UNIT_DIR = $(PREFIX)/lib/systemd/system
SYSUSERS_DIR = $(PREFIX)/lib/sysusers.d
TMPFILES_DIR = $(PREFIX)/lib/tmpfiles.d

$(DAEMON_OBJ) $(LOADER_OBJ): $(O)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
		-I$(O)/bpf $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(LOADER_OBJ): | $(BPF_SKEL)

$(O)/spawn-templated: $(DAEMON_OBJ) $(LOADER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

-include $(DAEMON_OBJ:.o=.d) $(LOADER_OBJ:.o=.d)

# The unit is generated each time, since PREFIX may have changed.
define DAEMON_INSTALL
install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNIT_DIR) \
	$(DESTDIR)$(SYSUSERS_DIR) $(DESTDIR)$(TMPFILES_DIR)
install -m755 $(O)/spawn-templated $(DESTDIR)$(SBINDIR)
sed 's|@SBINDIR@|$(SBINDIR)|g' systemd/spawn-templated.service.in \
	> $(O)/spawn-templated.service
install -m644 $(O)/spawn-templated.service systemd/spawn-templated.socket \
	$(DESTDIR)$(UNIT_DIR)
install -m644 systemd/sysusers.conf $(DESTDIR)$(SYSUSERS_DIR)/spawn-template.conf
install -m644 systemd/tmpfiles.conf $(DESTDIR)$(TMPFILES_DIR)/spawn-template.conf

endef

define DAEMON_UNINSTALL
rm -f $(DESTDIR)$(SBINDIR)/spawn-templated \
	$(DESTDIR)$(UNIT_DIR)/spawn-templated.service \
	$(DESTDIR)$(UNIT_DIR)/spawn-templated.socket \
	$(DESTDIR)$(SYSUSERS_DIR)/spawn-template.conf \
	$(DESTDIR)$(TMPFILES_DIR)/spawn-template.conf

endef

ALL += $(O)/spawn-templated
INSTALL_MORE += $(DAEMON_INSTALL)
UNINSTALL_MORE += $(DAEMON_UNINSTALL)
