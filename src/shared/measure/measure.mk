# SPDX-License-Identifier: BSD-2-Clause
# The measuring code of the benchmarks, the demo and 'spawn-template bench'.

MEASURE_SRC := $(sort $(wildcard src/shared/measure/*.c))
MEASURE_OBJ := $(MEASURE_SRC:%.c=$(O)/%.o)

$(MEASURE_OBJ): $(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(PROGRAM_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

-include $(MEASURE_OBJ:.o=.d)
