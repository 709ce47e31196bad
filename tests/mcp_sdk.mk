# SPDX-License-Identifier: BSD-2-Clause
# Clients of others drive spawn-template mcp: the SDKs for Python and TypeScript, from their
# registries, in the old and the new protocol. MCP_SCHEMAS=DIR validates all that it sends
# against the schemas of the protocol; DIR is the folder 'schema' of its repository.
#
#: check-mcp       drive mcp by the SDKs for Python and TypeScript; MCP_SCHEMAS=DIR

MCP_SDK := $(O)/mcp-sdk
MCP_SCHEMAS ?=

.PHONY: check-mcp
check-mcp: all
	$(Q)O='$(O)' MCP_SDK='$(abspath $(MCP_SDK))' MCP_SCHEMAS='$(MCP_SCHEMAS)' \
		NODE='$(NODE)' tests/run tests/mcp_sdk.sh
