# SPDX-License-Identifier: BSD-2-Clause
# The package for Node as npm installs it: an addon for each libc, and the sources to
# build another one from. NPM= is the npm that packs.
#
#: node-prebuilds  addons of the package for Node, for glibc and for musl
#: node-package    the package for Node: build/node-package/spawn_template-VERSION.tgz

NPM ?= npm

NPM_OUT := $(O)/node-package
NPM_DIR := $(NPM_OUT)/package
NPM_TGZ := $(NPM_OUT)/spawn_template-$(VERSION).tgz
NPM_ARCH = $(eval NPM_ARCH := $(shell $(NODE) -p process.arch))$(NPM_ARCH)
NPM_PREBUILT = $(NPM_OUT)/prebuilds/linux-$(NPM_ARCH)

# The addon for musl is left out where its compiler is missing.
.PHONY: node-prebuilds node-prebuild
node-prebuilds:
	$(Q)$(MAKE) --no-print-directory SAN= \
		NODE_PREBUILT=$(abspath $(NPM_PREBUILT)-glibc) node-prebuild
	$(Q)if command -v musl-gcc >/dev/null; then \
		$(MAKE) --no-print-directory SAN= O=$(O)/musl CC='$(MUSL_CC)' \
			NODE_PREBUILT=$(abspath $(NPM_PREBUILT)-musl) node-prebuild; \
	else echo 'node: no musl-gcc: no addon for musl'; fi

# The package has no use for the debugger's symbols.
node-prebuild: $(NODE_SO)
	$(Q)mkdir -p $(NODE_PREBUILT)
	$(Q)$(STRIP) --strip-unneeded -o $(NODE_PREBUILT)/spawn_template.node $(NODE_SO)

# library/ is the recipe of the library with the files that it lists.
.PHONY: node-package
node-package: node-prebuilds
	$(call say,NPM,$(NPM_TGZ))
	$(Q)rm -rf $(NPM_DIR) $(NPM_TGZ)
	$(Q)mkdir -p $(NPM_DIR)/library
	$(Q)tar -C $(NODE_DIR) -cf - $(NODE_JS:$(NODE_DIR)/%=%) binding.gyp native | \
		tar -C $(NPM_DIR) -xf -
	$(Q)tar -cf - $(sort $(LIB_FILES)) | tar -C $(NPM_DIR)/library -xf -
	$(Q)cp -r $(NPM_OUT)/prebuilds $(NPM_DIR)
	$(Q)cd $(NPM_DIR) && $(NPM) pack --silent --ignore-scripts --pack-destination .. \
		>/dev/null

# ---- tests of the package: installed by npm, without a network; and of its types, with
# compilers from the registry

NPM_TYPES := $(NPM_OUT)/types
NPM_COMPILERS := typescript@5 tsd@0.33 @types/node@20

$(NPM_TYPES)/node_modules/.package-lock.json: $(NODE_DIR)/package.mk
	$(Q)mkdir -p $(NPM_TYPES)
	$(Q)echo '{"private": true}' > $(NPM_TYPES)/package.json
	$(Q)cd $(NPM_TYPES) && timeout 100 $(NPM) install --silent --no-audit --no-fund \
		--ignore-scripts $(NPM_COMPILERS) && touch $(@:$(NPM_TYPES)/%=%)

.PHONY: check-node-package
check-node: check-node-package
check-node-package: node
	$(Q)if command -v $(NPM) >/dev/null; then \
		$(MAKE) --no-print-directory node-package && \
		{ $(MAKE) --no-print-directory \
			$(NPM_TYPES)/node_modules/.package-lock.json || \
			echo '  no registry: the types are not compiled'; } && \
		SPAWN_TEMPLATE_NODE_DIR=$(abspath $(NODE_OUT)) \
		SPAWN_TEMPLATE_NODE_TGZ=$(abspath $(NPM_TGZ)) \
		SPAWN_TEMPLATE_NODE_HEADERS=$(NODE_INCLUDE) \
		SPAWN_TEMPLATE_NODE_TYPES=$(abspath $(NPM_TYPES)) \
		$(NODE) $(NODE_TESTS)/run.mjs $(wildcard $(NODE_TESTS)/package/*.test.mjs); \
	else echo '  no npm: the package is not tested'; \
		echo '0 passed, 0 failed, 1 skipped'; [ '$(MUST_WORK)' != 1 ]; fi
