# SPDX-License-Identifier: BSD-2-Clause
# Benchmark agents of AutoGen Core that run tools, as bench/agent_tools/agent_tools.py
# describes. AutoGen is installed into a virtual environment in build/agents-venv.
#
#: bench-agents    measure agents that run tools, as the proposal does: half an hour
#: bench-agents-short  the same in about a minute, checking outputs
#: bench-loop      measure how long an event loop stalls that streams 16 builds

AGENTS_DIR := bench/agent_tools
AGENTS_VENV := $(O)/agents-venv
AGENTS_RUN = PYTHONPATH=$(O)/python $(AGENTS_VENV)/bin/python \
	$(AGENTS_DIR)/agent_tools.py --out $(O)/bench

LOOP_RUN = PYTHONPATH=$(O)/python $(PYTHON) $(AGENTS_DIR)/stream_loop.py \
	--out $(O)/bench

.PHONY: bench-agents bench-agents-short bench-loop plot-agents
$(AGENTS_VENV)/made: $(AGENTS_DIR)/requirements.txt
	$(call say,VENV,$(AGENTS_VENV))
	$(Q)$(PYTHON) -m venv --clear $(AGENTS_VENV)
	$(Q)$(AGENTS_VENV)/bin/python -m pip --quiet --no-input \
		--disable-pip-version-check install -r $<
	$(Q)touch $@

bench-agents: python $(AGENTS_VENV)/made $(O)/demo/ws.made
	$(Q)$(AGENTS_RUN) $(O)/demo/ws $(AGENTS_ARGS)
	$(Q)$(MAKE) --no-print-directory plot-agents

bench-agents-short: python $(AGENTS_VENV)/made $(O)/demo/ws.made
	$(Q)$(AGENTS_RUN) --short --check $(O)/demo/ws
	$(Q)$(LOOP_RUN) --short --check

bench-loop: python
	$(Q)mkdir -p $(O)/bench
	$(Q)$(LOOP_RUN)

plot-agents:
	$(Q)if ! command -v gnuplot >/dev/null; then \
		echo 'bench: gnuplot is missing: no plot'; \
	else for term in svg png; do \
		gnuplot -e "data='$(O)/bench/agents.dat'; term='$$term'" \
			-e "out='$(O)/bench/agents.$$term'" bench/agents.gp \
			|| exit 1; \
	done; echo 'bench: plot: $(O)/bench/agents.svg, .png'; fi
