/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy by default: programs of the user who started the server, below the folder
 * that it was started in, for a bounded time. Secrets and what changes how programs start
 * do not pass. Its denials are against accidents: whoever may run a shell gets around them.
 */
#include "cli/policy/rules.h"

const char policy_by_default[] =
	"version = 1\n"
	"default = \"deny\"\n"
	"\n"
	"[folders]\n"
	"allow = [\".\"]\n"
	"\n"
	"[env]\n"
	"pass = [\"*\"]\n"
	"allow = [\"*\"]\n"
	"deny = [\"LD_PRELOAD\", \"LD_AUDIT\", \"BASH_ENV\", \"ENV\", "
	"\"BASH_FUNC_*\",\n"
	"\t\"*_TOKEN\", \"*_SECRET\", \"*_PASSWORD\", \"*_API_KEY\", "
	"\"*_ACCESS_KEY\"]\n"
	"\n"
	"[limits]\n"
	"timeout = \"10m\"\n"
	"timeout_max = \"1h\"\n"
	"\n"
	"[[rule]]\n"
	"name = \"other-users\"\n"
	"action = \"deny\"\n"
	"program = [\"sudo\", \"su\", \"doas\", \"pkexec\", \"run0\"]\n"
	"reason = \"programs run as the user of the server\"\n"
	"\n"
	"[[rule]]\n"
	"name = \"machine\"\n"
	"action = \"deny\"\n"
	"program = [\"shutdown\", \"reboot\", \"poweroff\", \"halt\", "
	"\"mkfs*\"]\n"
	"reason = \"the machine is not the client's\"\n"
	"\n"
	"[[rule]]\n"
	"name = \"all-else\"\n"
	"action = \"allow\"\n"
	"program = \"*\"\n"
	"runs_others = true\n";
