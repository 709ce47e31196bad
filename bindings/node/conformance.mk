# SPDX-License-Identifier: BSD-2-Clause
# Node's own tests of child_process, cluster and the like, with the drop-in and without,
# under NODE. Debian's source package of nodejs has the tests; the files that were fetched
# stay in NODE_CONFORMANCE. NODE_CONFORMANCE_ARGS='--part 1/20' takes some of them,
# NODE_CONFORMANCE_ARGS=child-process those with that in their names.
# NODE_SUITE is a checkout of another project with its packages installed, and
# NODE_SUITE_TEST the command there that prints TAP: npx ava --tap.
#
#: check-node-suite  run another project's own tests with the drop-in: NODE_SUITE=DIR
#: check-node-conformance  run Node's own tests with the drop-in: the results must not differ

NODE_CONFORMANCE := $(O)/node-conformance
NODE_CONFORMANCE_ARGS ?=

.PHONY: check-node-conformance
check-node-conformance: node
	$(Q)dir=$$($(NODE_TESTS)/conformance/sources $(NODE_CONFORMANCE) \
		"$$($(NODE) -p 'process.versions.node.split(".")[0]')") && \
	SPAWN_TEMPLATE_NODE_DIR=$(abspath $(NODE_OUT)) $(NODE) \
		$(NODE_TESTS)/conformance/run.mjs --sources "$$dir" \
		--out $(NODE_CONFORMANCE)/results $(NODE_CONFORMANCE_ARGS)

NODE_SUITE_TEST ?= npx ava --tap

.PHONY: check-node-suite
check-node-suite: node
	$(Q)[ -d '$(NODE_SUITE)' ] || { \
		echo 'node: NODE_SUITE= is not a directory' >&2; exit 1; }
	$(Q)SPAWN_TEMPLATE_NODE_DIR=$(abspath $(NODE_OUT)) $(NODE) \
		$(NODE_TESTS)/conformance/suite.mjs '$(NODE_SUITE)' $(NODE_SUITE_TEST)
