# SPDX-License-Identifier: BSD-2-Clause
# The package spawn_template for Node: docs/node.md. One addon serves Node 18 and later,
# Bun and Deno. NODE= is the program whose headers it is built with, and that runs the
# tests.
#
#: node            build in place: require('./build/node/spawn_template')
#: check-node      test it
#: bench-node      measure launches from Node by child_process and by the package

NODE ?= node

NODE_DIR := bindings/node
NODE_OUT := $(O)/node/spawn_template
NODE_JS := $(sort $(wildcard $(addprefix $(NODE_DIR)/,*.cjs *.mjs *.ts package.json \
	lib/*.cjs README.md LICENSE)))
NODE_FILES := $(NODE_JS:$(NODE_DIR)/%=$(NODE_OUT)/%)
NODE_NATIVE := $(wildcard $(NODE_DIR)/native/*.c)
NODE_OBJ := $(NODE_NATIVE:%.c=$(O)/%.o)
NODE_SO := $(NODE_OUT)/spawn_template.node

# A copy of the package for tests, whose addon can be made to fail.
NODE_FAIL_OBJ := $(O)/$(NODE_DIR)/tests/failing.o
NODE_FAIL_OUT := $(O)/node-failing
NODE_FAIL_SO := $(NODE_FAIL_OUT)/spawn_template.node

# Node's package has the headers beside the program; Debian's libnode-dev has them, too.
NODE_INCLUDE ?= $(eval NODE_INCLUDE := $(shell $(NODE) -p \
	'[path.resolve(fs.realpathSync(process.execPath), "../../include/node"), \
	"/usr/include/node"].find((dir) => fs.existsSync(dir + "/node_api.h"))' \
	2>/dev/null || echo undefined))$(NODE_INCLUDE)

# The addon sees the public header only.
NODE_CFLAGS := -std=gnu11 $(WARN) -Iinclude -MMD -MP -fvisibility=hidden -fPIC

.PHONY: node
node: $(NODE_SO) $(NODE_FILES)

.PHONY: node-headers
node-headers:
	$(Q)[ -e $(NODE_INCLUDE)/node_api.h ] || { \
		echo "node: no node_api.h for $(NODE): install nodejs and libnode-dev," \
			"or set NODE= and NODE_INCLUDE=" >&2; exit 1; }

$(NODE_OBJ) $(NODE_FAIL_OBJ): $(O)/%.o: %.c | node-headers
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(NODE_CFLAGS) -isystem $(NODE_INCLUDE) $(CFLAGS) $(SAN_FLAGS) \
		-c -o $@ $<

NODE_LINK = $(CC) -shared $(CFLAGS) $(SAN_FLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) \
	$(LIB_A) -Wl,--version-script,$(NODE_DIR)/native/exports.map \
	-Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -lpthread

$(NODE_SO): $(NODE_OBJ) $(LIB_A) $(NODE_DIR)/native/exports.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(NODE_LINK)

$(NODE_FILES): $(NODE_OUT)/%: $(NODE_DIR)/%
	@mkdir -p $(@D)
	$(call say,CP,$@)
	$(Q)cp $< $@

-include $(NODE_OBJ:.o=.d) $(NODE_FAIL_OBJ:.o=.d)

# ---- tests: under NODE; or under any other runtime: check-node NODE_WITH=deno,run,-A

NODE_TESTS := $(NODE_DIR)/tests
NODE_WITH ?=

.PHONY: check-node deps-node check-node-tests
check-node: deps-node check-node-tests

deps-node:
	$(Q)scripts/deps node

$(NODE_FAIL_SO): $(NODE_OBJ) $(NODE_FAIL_OBJ) $(LIB_A) $(NODE_FILES)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)cp $(filter-out $(NODE_OUT)/lib/%,$(NODE_FILES)) $(NODE_FAIL_OUT)
	$(Q)mkdir -p $(NODE_FAIL_OUT)/lib
	$(Q)cp $(filter $(NODE_OUT)/lib/%,$(NODE_FILES)) $(NODE_FAIL_OUT)/lib
	$(Q)$(NODE_LINK) -Wl,--wrap=uv_poll_start

check-node-tests: node $(NODE_FAIL_SO)
	$(Q)SPAWN_TEMPLATE_NODE_DIR=$(abspath $(NODE_OUT)) \
		SPAWN_TEMPLATE_NODE_FAILING=$(abspath $(NODE_FAIL_OUT)) \
		$(NODE) $(NODE_TESTS)/run.mjs \
		$(NODE_WITH:%=--with %)

# ---- the benchmark


.PHONY: bench-node plot-node
bench-node: node
	$(Q)SPAWN_TEMPLATE_NODE_DIR=$(abspath $(NODE_OUT)) $(NODE) \
		$(NODE_DIR)/bench/bench.mjs --out $(O)/bench/node.dat $(BENCH_NODE_ARGS)
	$(Q)$(MAKE) --no-print-directory plot-node

plot-node:
	$(Q)if ! command -v gnuplot >/dev/null; then \
		echo 'bench: gnuplot is missing: no plot'; \
	else for term in svg png; do \
		gnuplot -e "data='$(O)/bench/node.dat'; term='$$term'" \
			-e "out='$(O)/bench/node.$$term'" \
			$(NODE_DIR)/bench/node.gp || exit 1; \
	done; echo 'bench: plot: $(O)/bench/node.svg, .png'; fi
