# SPDX-License-Identifier: BSD-2-Clause
# The table of behaviour that the library and all bindings run: README.md.
#
#: check-behaviour make each run of bindings/tests/behaviour.json from C, and compare

BEHAVIOUR_DIR := bindings/tests
BEHAVIOUR_SRC := $(wildcard $(BEHAVIOUR_DIR)/*.c)
BEHAVIOUR_OBJ := $(BEHAVIOUR_SRC:%.c=$(O)/%.o)
BEHAVIOUR := $(O)/$(BEHAVIOUR_DIR)/behaviour

$(BEHAVIOUR_OBJ): $(O)/%.o: %.c | need-jansson
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) $(JANSSON_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(BEHAVIOUR): $(BEHAVIOUR_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(JANSSON_LIBS) -lpthread

-include $(BEHAVIOUR_OBJ:.o=.d)

.PHONY: check-behaviour
check-behaviour: $(BEHAVIOUR)
	$(Q)$(BEHAVIOUR) $(BEHAVIOUR_DIR)/behaviour.json
