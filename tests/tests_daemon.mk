# SPDX-License-Identifier: BSD-2-Clause
# Build the daemon with an in-memory loader in place of the kernel programs, for its
# tests and for its clients' tests.

FAKE_OBJ := $(DAEMON_OBJ) $(O)/tests/fake_loader.o $(O)/tests/fake_maps.o

build-tests: $(O)/tests/fake-templated

$(O)/tests/fake-templated: $(FAKE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(O)/tests/fake_loader.d $(O)/tests/fake_maps.d
