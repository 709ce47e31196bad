/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for the numbers of struct spawn_template_stat. Programs may compare them.
 * The Python package has the same, which its tests compare.
 */
#ifndef ST_STAT_NAMES_H
#define ST_STAT_NAMES_H

#include <stddef.h>

#include <spawn_template.h>

static inline const char *st_name_format(unsigned int format)
{
	static const char *const names[] = {
		[SPAWN_TEMPLATE_FORMAT_UNKNOWN] = "unknown",
		[SPAWN_TEMPLATE_FORMAT_ELF] = "elf",
		[SPAWN_TEMPLATE_FORMAT_SCRIPT] = "script",
		[SPAWN_TEMPLATE_FORMAT_OTHER] = "other",
	};

	return format < sizeof(names) / sizeof(names[0]) ? names[format]
							 : "unknown";
}

static inline const char *st_name_stale(unsigned int reason)
{
	static const char *const names[] = {
		[0] = "none",
		[SPAWN_TEMPLATE_STALE_FILE_CHANGED] = "file changed",
		[SPAWN_TEMPLATE_STALE_PATH_GONE] = "path gone",
		[SPAWN_TEMPLATE_STALE_PATH_REPLACED] = "path replaced",
		[SPAWN_TEMPLATE_STALE_GUARD] = "guard",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason]
							 : "unknown";
}

static inline const char *st_name_by_path(unsigned int reason)
{
	static const char *const names[] = {
		[0] = "none",
		[SPAWN_TEMPLATE_BY_PATH_SCRIPT] = "script",
		[SPAWN_TEMPLATE_BY_PATH_KERNEL] = "kernel",
		[SPAWN_TEMPLATE_BY_PATH_NAME] = "name",
		[SPAWN_TEMPLATE_BY_PATH_HARD_LINK] = "hard_link",
		[SPAWN_TEMPLATE_BY_PATH_FORMAT] = "format",
		[SPAWN_TEMPLATE_BY_PATH_EXECVEAT] = "execveat",
		[SPAWN_TEMPLATE_BY_PATH_EXECFN] = "execfn",
		[SPAWN_TEMPLATE_BY_PATH_BINFMT] = "binfmt",
	};

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason]
							 : "unknown";
}

/* Returns the name of a fallback; NULL: there are no more. */
static inline const char *st_name_fallback(unsigned int index)
{
	static const char *const names[] = {
		[SPAWN_TEMPLATE_FALLBACK_CLONE] = "clone",
		[SPAWN_TEMPLATE_FALLBACK_PIDFD] = "pidfd_open",
		[SPAWN_TEMPLATE_FALLBACK_RANGES] = "close_ranges",
		[SPAWN_TEMPLATE_FALLBACK_PROC_FD] = "proc_fd",
		[SPAWN_TEMPLATE_FALLBACK_PATH] = "path",
		[SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY] = "text_busy",
		[SPAWN_TEMPLATE_FALLBACK_FORK] = "fork",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

/* Returns the name of a reason to go cold; NULL: there are no more. */
static inline const char *st_name_cold(unsigned int index)
{
	static const char *const names[] = {
		[SPAWN_TEMPLATE_COLD_FIRST] = "first",
		[SPAWN_TEMPLATE_COLD_NOT_READY] = "not_ready",
		[SPAWN_TEMPLATE_COLD_BUSY] = "busy",
		[SPAWN_TEMPLATE_COLD_FLAGS] = "flags",
		[SPAWN_TEMPLATE_COLD_DESCRIPTORS] = "descriptors",
		[SPAWN_TEMPLATE_COLD_ARGV0] = "argv0",
		[SPAWN_TEMPLATE_COLD_ENVIRONMENT] = "environment",
		[SPAWN_TEMPLATE_COLD_FILES] = "files",
		[SPAWN_TEMPLATE_COLD_INHERITED] = "inherited",
		[SPAWN_TEMPLATE_COLD_SANDBOX] = "sandbox",
		[SPAWN_TEMPLATE_COLD_PROGRAM] = "program",
		[SPAWN_TEMPLATE_COLD_LOST] = "lost",
		[SPAWN_TEMPLATE_COLD_GUARDED] = "guarded",
		[SPAWN_TEMPLATE_COLD_COMMAND] = "command",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : NULL;
}

#endif
