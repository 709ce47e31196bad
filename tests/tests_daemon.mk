# SPDX-License-Identifier: BSD-2-Clause
# The daemon with an in-memory loader in the place of the kernel programs: what
# its tests run, and those of its clients.

FAKE_OBJ := $(DAEMON_OBJ) $(O)/tests/fake_loader.o $(O)/tests/fake_maps.o

build-tests: $(O)/tests/fake-templated

$(O)/tests/fake-templated: $(FAKE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(O)/tests/fake_loader.d $(O)/tests/fake_maps.d
