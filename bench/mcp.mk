# SPDX-License-Identifier: BSD-2-Clause
# Benchmark spawn-template mcp beside other servers that run programs for agents, as
# bench/mcp/mcp.mjs describes. They are installed into build/bench-mcp, those of Node
# without their own steps of installation, of which the server needs none; without those of
# Python, their rows are missing.
#
#: bench-mcp       measure mcp beside DesktopCommander and others, and try each, 8 minutes;
#:                 BENCH_MCP_ARGS has options, such as --short

BENCH_MCP := $(O)/bench-mcp
BENCH_MCP_ARGS ?=

.PHONY: bench-mcp plot-mcp
$(BENCH_MCP)/node/made: bench/mcp/package.json
	$(call say,NPM,$(BENCH_MCP)/node)
	$(Q)rm -rf $(BENCH_MCP)/node && mkdir -p $(BENCH_MCP)/node
	$(Q)cp $< $(BENCH_MCP)/node
	$(Q)cd $(BENCH_MCP)/node && \
		npm install --silent --no-audit --no-fund --ignore-scripts
	$(Q)touch $@

$(BENCH_MCP)/python/made: bench/mcp/requirements.txt
	$(call say,VENV,$(BENCH_MCP)/python)
	$(Q)$(PYTHON) -m venv --clear $(BENCH_MCP)/python && \
		$(BENCH_MCP)/python/bin/python -m pip --quiet --no-input \
			--disable-pip-version-check install -r $< || \
		echo 'bench-mcp: the servers of Python cannot be installed' >&2
	$(Q)touch $@

# Modules are looked for beside the program that names them.
bench-mcp: all $(BENCH_MCP)/node/made $(BENCH_MCP)/python/made
	$(Q)cp bench/mcp/*.mjs $(BENCH_MCP)/node
	$(Q)$(NODE) $(BENCH_MCP)/node/mcp.mjs --tool $(O)/spawn-template \
		--packages $(BENCH_MCP) --out $(O)/bench $(BENCH_MCP_ARGS)
	$(Q)$(MAKE) --no-print-directory plot-mcp >&2

plot-mcp:
	$(Q)if ! command -v gnuplot >/dev/null; then \
		echo 'bench: gnuplot is missing: no plot'; \
	else for term in svg png; do \
		gnuplot -e "data='$(O)/bench/mcp.dat'; term='$$term'" \
			-e "out='$(O)/bench/mcp.$$term'" bench/mcp.gp \
			|| exit 1; \
	done; echo 'bench: plot: $(O)/bench/mcp.svg, .png'; fi
