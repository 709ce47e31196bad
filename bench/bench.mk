# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks: bench/launch.c says what is measured, bench/launchers.h what the
# methods have in common.
#
#: bench           measure launches; tables, JSON and plots in build/bench
#: bench-short     the same in about a minute; fails on a gross regression
#: plot-readme     take the plot of the last 'make bench' into docs/plots

BENCH_DIR := $(O)/bench
BENCH_SRC := $(filter-out bench/first.c,$(sort $(wildcard bench/*.c)))
BENCH_OBJ := $(BENCH_SRC:%.c=$(O)/%.o)
BENCH_RUN = $(BENCH_DIR)/launch --out $(BENCH_DIR)

.PHONY: bench bench-short build-bench plot-bench plot-readme
build-bench: $(BENCH_DIR)/launch $(BENCH_DIR)/first

$(BENCH_OBJ): $(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(BENCH_DIR)/launch: $(BENCH_OBJ) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ -ljansson -lpthread

# Nothing may run before its _start, and it is never built with sanitizers.
$(BENCH_DIR)/first: bench/first.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -ffreestanding -fno-stack-protector \
		-nostdlib -static -o $@ $<

bench: build-bench
	$(Q)$(BENCH_RUN)
	$(Q)$(MAKE) --no-print-directory plot-bench

bench-short: build-bench
	$(Q)$(BENCH_RUN) --short --check

# Out of the .dat file that a run has left.
bench_plot = gnuplot -e "data='$(BENCH_DIR)/launch.dat'; term='$(1)'" \
	-e "out='$(BENCH_DIR)/$(2).$(1)'"
MEMORY_BARS := what='memory touched by the parent'; \
	parents='base|1 GiB|4 GiB'; labels='0|1 GiB|4 GiB'
FD_BARS := what='fds open in the parent'; \
	parents='base|1,000 fds|10,000 fds'; labels='3|1,000|10,000'

plot-bench:
	$(Q)if ! command -v gnuplot >/dev/null; then \
		echo 'bench: gnuplot is missing: no plots'; \
	else for term in svg png; do \
		$(call bench_plot,$$term,launch) -e "$(MEMORY_BARS)" \
			bench/bars.gp && \
		$(call bench_plot,$$term,fds) -e "$(FD_BARS)" bench/bars.gp && \
		$(call bench_plot,$$term,ratios) bench/ratios.gp || exit 1; \
	done; \
	echo 'bench: plots: $(BENCH_DIR)/launch.svg, fds.svg, ratios.svg,' \
		'and the same as .png'; fi

plot-readme: plot-bench
	$(Q)mkdir -p docs/plots
	$(Q)cp $(BENCH_DIR)/launch.svg docs/plots/launch.svg

-include $(BENCH_OBJ:.o=.d)
