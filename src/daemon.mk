# SPDX-License-Identifier: BSD-2-Clause
# The guard's daemon. It carries the kernel programs in itself.

DAEMON_OBJ := $(DAEMON_SRC:%.c=$(O)/%.o)
DAEMON_LIBS = $(shell pkg-config --libs libbpf)

ifneq ($(and $(wildcard src/daemon.c),$(wildcard src/loader.c)),)
ALL += $(O)/spawn-templated
endif

$(DAEMON_OBJ): $(O)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
		-I$(O)/bpf $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(filter $(O)/src/loader%.o,$(DAEMON_OBJ)): | $(BPF_SKEL)

$(O)/spawn-templated: $(DAEMON_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

-include $(DAEMON_OBJ:.o=.d)
