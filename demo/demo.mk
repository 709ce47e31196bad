# SPDX-License-Identifier: BSD-2-Clause
# The demo: demo/demo.c describes it, demo/workspace.sh makes its workspace.
#
#: run-demo        run the demo that 'make demo' runs, without its set-up

DEMO_DIR := $(O)/demo
DEMO_SRC := $(sort $(wildcard demo/*.c))
DEMO_OBJ := $(DEMO_SRC:%.c=$(O)/%.o)
.PHONY: run-demo build-demo
build-demo: $(DEMO_DIR)/demo $(DEMO_DIR)/ws.made

$(DEMO_OBJ): $(O)/%.o: %.c | need-jansson
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) $(JANSSON_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(DEMO_DIR)/demo: $(DEMO_OBJ) $(MEASURE_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(JANSSON_LIBS) -lpthread

$(DEMO_DIR)/ws.made: demo/workspace.sh
	@mkdir -p $(@D)
	$(call say,GEN,$(DEMO_DIR)/ws)
	$(Q)demo/workspace.sh $(DEMO_DIR)/ws
	$(Q)touch $@

demo_plot = gnuplot -e "data='$(DEMO_DIR)/demo.dat'; term='$(1)'" \
	-e "out='$(DEMO_DIR)/demo.$(1)'" demo/demo.gp

run-demo: build-demo
	$(Q)$(DEMO_DIR)/demo --out $(DEMO_DIR) $(DEMO_DIR)/ws
	$(Q)echo 'The same as JSON: $(DEMO_DIR)/demo.json'
	$(Q)if command -v gnuplot >/dev/null; then \
		$(call demo_plot,svg) && $(call demo_plot,png) && \
		echo 'Plots: $(DEMO_DIR)/demo.svg, $(DEMO_DIR)/demo.png'; \
	else \
		echo 'demo: gnuplot is missing: no plots'; \
	fi

-include $(DEMO_OBJ:.o=.d)
