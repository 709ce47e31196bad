/* SPDX-License-Identifier: BSD-2-Clause */
/* The versions of the protocol that are served, and what serves them. */
#include <string.h>

#include "cli/mcp/mcp.h"

static const char *const versions[] = {
	[MCP_2024_11_05] = "2024-11-05", [MCP_2025_03_26] = "2025-03-26",
	[MCP_2025_06_18] = "2025-06-18", [MCP_2025_11_25] = "2025-11-25",
	[MCP_2026_07_28] = "2026-07-28",
};

const char *version_name(enum mcp_version version)
{
	return versions[version];
}

enum mcp_version version_of(const char *name)
{
	for (int v = MCP_2024_11_05; name && v <= MCP_2026_07_28; v++)
		if (strcmp(versions[v], name) == 0)
			return (enum mcp_version)v;
	return MCP_NONE;
}

json_t *protocol_self(void)
{
	return json_pack("{s:s, s:s}", "name", "spawn-template", "version",
			 VERSION);
}
