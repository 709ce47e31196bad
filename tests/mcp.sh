# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Common parts of the scripts that test mcp, which read this after tests/cli.sh.

slow=${TEST_SLOW:-1}

# Runs Python that drives a server, after tests/mcp_drive.py. The script on stdin is the
# test.
drive() { # name; script on stdin
	cat tests/mcp_drive.py - > "$tmp/drive.py"
	timeout -k 5 $((60 * slow)) "$python" "$tmp/drive.py" "$tool" "$tmp" \
		"$slow" > "$tmp/log" 2>&1
	result $? "$1"
}
