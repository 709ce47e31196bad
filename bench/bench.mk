# SPDX-License-Identifier: BSD-2-Clause
# Benchmarks. bench/launch.c describes those of launches, and
# src/shared/measure/launchers.h their methods. bench/ring.c and bench/ring_ways.h
# describe those of the ring, bench/cache.c that of templates out of a cache,
# bench/sandbox.c that of launches in a sandbox, beside bubblewrap's,
# bench/runs.c that of runs with options, and
# bench/prepared.h that of launches that are prepared ahead.
# bench/agent_tools/stream_loop.py describes that of an event loop of Python.
#
#: bench           measure launches, ring, cache, prepared launches, sandbox, options of
#:                 runs and an event loop; tables, JSON and plots in build/bench
#: bench-short     the same in about two minutes; fails on a gross regression
#: plot-readme     take the plots of the last 'make bench' into docs/plots

BENCH_DIR := $(O)/bench
BENCH_SRC := $(filter-out bench/first.c,$(sort $(wildcard bench/*.c)))
BENCH_OBJ := $(BENCH_SRC:%.c=$(O)/%.o)
bench_objects = $(patsubst %,$(O)/bench/%.o,$(1))
BENCH_SHARED := $(call bench_objects,machine outputs parent) $(MEASURE_OBJ)
BENCH_LAUNCH := $(call bench_objects,cells json launch markdown measure summary)
BENCH_RING := $(filter $(O)/bench/ring%,$(BENCH_OBJ))
BENCH_PREPARED := $(filter $(O)/bench/prepared%,$(BENCH_OBJ)) \
	$(call bench_objects,ring_loop ring_self ring_ways ring_work)
BENCH_RUN = $(BENCH_DIR)/launch --out $(BENCH_DIR)
RING_RUN = $(BENCH_DIR)/ring --peers bench/peers --out $(BENCH_DIR)
CACHE_RUN = $(BENCH_DIR)/cache --out $(BENCH_DIR)
PREPARED_RUN = $(BENCH_DIR)/prepared --out $(BENCH_DIR)
SANDBOX_BENCH = $(BENCH_DIR)/sandbox --out $(BENCH_DIR)
RUNS_BENCH = $(BENCH_DIR)/runs --out $(BENCH_DIR)

.PHONY: bench bench-short build-bench plot-bench plot-readme
build-bench: $(BENCH_DIR)/launch $(BENCH_DIR)/first $(BENCH_DIR)/ring \
	$(BENCH_DIR)/cache $(BENCH_DIR)/prepared $(BENCH_DIR)/sandbox \
	$(BENCH_DIR)/runs

$(BENCH_OBJ): $(O)/%.o: %.c | need-jansson
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BASE_CFLAGS) $(JANSSON_CFLAGS) $(CFLAGS) $(SAN_FLAGS) -c -o $@ $<

$(BENCH_DIR)/launch: $(BENCH_LAUNCH)
$(BENCH_DIR)/ring: $(BENCH_RING)
$(BENCH_DIR)/cache: $(call bench_objects,cache brief)
$(BENCH_DIR)/prepared: $(BENCH_PREPARED)
$(BENCH_DIR)/sandbox: $(call bench_objects,sandbox brief)
$(BENCH_DIR)/runs: $(call bench_objects,runs brief)
$(BENCH_DIR)/launch $(BENCH_DIR)/ring $(BENCH_DIR)/cache $(BENCH_DIR)/prepared \
		$(BENCH_DIR)/sandbox $(BENCH_DIR)/runs: $(BENCH_SHARED) $(LIB_A)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(LIB_A) $(JANSSON_LIBS) -lpthread

# No code may run before the _start of this program, so it has no sanitizers.
$(BENCH_DIR)/first: bench/first.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -ffreestanding -fno-stack-protector \
		-nostdlib -static -o $@ $<

bench: build-bench
	$(Q)$(BENCH_RUN)
	$(Q)$(RING_RUN)
	$(Q)$(CACHE_RUN)
	$(Q)$(PREPARED_RUN)
	$(Q)$(SANDBOX_BENCH)
	$(Q)$(RUNS_BENCH)
	$(Q)if [ -e "$$($(PYTHON) -c 'import sysconfig as s; \
			print(s.get_path("include"))')/Python.h" ]; then \
		$(MAKE) --no-print-directory bench-loop; \
	else echo "bench: Python's headers are missing: no event loop"; fi
	$(Q)$(MAKE) --no-print-directory plot-bench

bench-short: build-bench
	$(Q)$(BENCH_RUN) --short --check
	$(Q)$(RING_RUN) --short --check
	$(Q)$(CACHE_RUN) --short --check
	$(Q)$(PREPARED_RUN) --short --check
	$(Q)$(SANDBOX_BENCH) --short --check
	$(Q)$(RUNS_BENCH) --short --check

# Plots are drawn from the .dat files that a run has left.
bench_plot = gnuplot -e "data='$(BENCH_DIR)/$(3).dat'; term='$(1)'" \
	-e "out='$(BENCH_DIR)/$(2).$(1)'"
MEMORY_BARS := what='memory touched by the parent'; \
	parents='base|1 GiB|4 GiB'; labels='0|1 GiB|4 GiB'
FD_BARS := what='fds open in the parent'; \
	parents='base|1,000 fds|10,000 fds'; labels='3|1,000|10,000'

plot-bench:
	$(Q)if ! command -v gnuplot >/dev/null; then \
		echo 'bench: gnuplot is missing: no plots'; \
	else for term in svg png; do \
		$(call bench_plot,$$term,launch,launch) -e "$(MEMORY_BARS)" \
			bench/bars.gp && \
		$(call bench_plot,$$term,fds,launch) -e "$(FD_BARS)" \
			bench/bars.gp && \
		$(call bench_plot,$$term,ratios,launch) bench/ratios.gp && \
		$(call bench_plot,$$term,ring,ring) bench/ring.gp && \
		$(call bench_plot,$$term,prepared,prepared) \
			bench/prepared.gp && \
		$(call bench_plot,$$term,runs,runs) bench/runs.gp || exit 1; \
	done; \
	echo 'bench: plots: $(BENCH_DIR)/launch.svg, fds.svg, ratios.svg,' \
		'ring.svg, prepared.svg, runs.svg, and the same as .png'; fi

plot-readme: plot-bench
	$(Q)mkdir -p docs/plots
	$(Q)cp $(BENCH_DIR)/launch.svg $(BENCH_DIR)/ring.svg \
		$(BENCH_DIR)/prepared.svg docs/plots

-include $(BENCH_OBJ:.o=.d)
