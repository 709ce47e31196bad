/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template stat: describes the template that a file would give. It makes
 * one, prints all that the library knows of it, and closes it.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/guard/guard.h"
#include "cli/stat_names.h"

#define TIME_SIZE 48

static void format_time(char text[TIME_SIZE], int64_t sec, uint32_t nsec)
{
	time_t t = (time_t)sec;
	struct tm tm;
	size_t n = 0;

	if (gmtime_r(&t, &tm))
		n = strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, TIME_SIZE - n, ".%09" PRIu32 "Z", nsec);
}

static void print_key(const struct spawn_template_key *key)
{
	char changed[TIME_SIZE], modified[TIME_SIZE];

	format_time(changed, key->ctime_sec, key->ctime_nsec);
	format_time(modified, key->mtime_sec, key->mtime_nsec);
	out_row("file",
		"device %" PRIu64 ":%" PRIu64 ", inode %" PRIu64
		", mount %" PRIu64,
		key->dev_major, key->dev_minor, key->ino, key->mnt_id);
	out_row("mode", "%04o%s, owner %u:%u, %u %s", key->mode & 07777,
		key->mode & 06000 ? " (set-id)" : "", key->uid, key->gid,
		key->nlink, key->nlink == 1 ? "name" : "names");
	out_row("size", "%" PRIu64 " bytes", key->size);
	out_row("changed", "%s", changed);
	out_row("modified", "%s", modified);
}

static void print_format(const struct spawn_template_stat *st)
{
	const char *machine = name_machine(st->elf_machine);
	char number[32];

	if (st->format == SPAWN_TEMPLATE_FORMAT_SCRIPT) {
		out_row("format", "script");
		return;
	}
	if (st->format == SPAWN_TEMPLATE_FORMAT_OTHER) {
		out_row("format", "neither ELF nor script: for binfmt_misc");
		return;
	}
	if (st->format != SPAWN_TEMPLATE_FORMAT_ELF) {
		out_row("format", "unknown: the file may not be read");
		return;
	}
	if (!machine) {
		snprintf(number, sizeof(number), "machine %u", st->elf_machine);
		machine = number;
	}
	out_row("format", "ELF, %s-bit, %s, %s%s",
		st->elf_class == ELFCLASS64 ? "64" : "32", machine,
		st->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC ? "dynamic"
							   : "static",
		st->elf_flags & SPAWN_TEMPLATE_ELF_PIE ? ", PIE" : "");
}

static void print_flags(uint64_t flags)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} names[] = {
		{ SPAWN_TEMPLATE_CREATE_CLOEXEC, "close-on-exec" },
		{ SPAWN_TEMPLATE_CREATE_SCRIPT, "scripts accepted" },
		{ SPAWN_TEMPLATE_CREATE_DENY_WRITE, "writes denied" },
		{ SPAWN_TEMPLATE_CREATE_GUARD, "only with a guard" },
		{ SPAWN_TEMPLATE_CREATE_NO_GUARD, "without a guard" },
		{ SPAWN_TEMPLATE_CREATE_AUTO_REFRESH, "refreshed by itself" },
	};
	char text[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s%s", n ? ", " : "",
					      names[i].name);
	out_row("flags", "0x%" PRIx64 " (%s)", flags, text);
}

static void print_guard(const struct spawn_template_stat *st)
{
	if (!st->guarded)
		out_row("guarded", "no");
	else
		out_row("guarded", "yes, as template %" PRIu64 "%s",
			st->guard_id, st->deny_write ? ", writes denied" : "");
	if (st->guard_why)
		out_row("guard says", "stale: %s",
			name_guard_why(st->guard_why));
}

static void print_counters(const struct spawn_template_stat *st)
{
	out_row("launches",
		"cold %" PRIu64 ", warm %" PRIu64 ", stale %" PRIu64
		", refused %" PRIu64 ", failed %" PRIu64,
		st->cold, st->warm, st->stale, st->refused, st->failed);
	for (unsigned int i = 0; st_name_fallback(i); i++)
		if (st->fallbacks[i])
			out_row("fallback", "%s: %" PRIu64, st_name_fallback(i),
				st->fallbacks[i]);
}

static void print_stat(const struct spawn_template_stat *st)
{
	char *target = realpath(st->path, NULL);

	out_styled(OUT_BOLD, "%s", st->path);
	out_lines("\n");
	if (target && strcmp(target, st->path) != 0)
		out_row("leads to", "%s", target);
	free(target);
	print_key(&st->key);
	print_format(st);
	if (*st->interpreter)
		out_row("interpreter", "%s", st->interpreter);
	if (st->state == SPAWN_TEMPLATE_STATE_FRESH)
		out_row("state", "fresh");
	else
		out_row("state", "stale: %s", st_name_stale(st->stale_reason));
	if (st->launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD)
		out_row("launched by", "descriptor");
	else
		out_row("launched by", "path (%s)",
			explain_by_path(st->by_path_reason));
	print_guard(st);
	out_row("warm ready", "%u", st->warm_ready);
	print_flags(st->flags);
	print_counters(st);
}

static json_t *key_json(const struct spawn_template_key *key)
{
	char changed[TIME_SIZE], modified[TIME_SIZE], mode[16];

	format_time(changed, key->ctime_sec, key->ctime_nsec);
	format_time(modified, key->mtime_sec, key->mtime_nsec);
	snprintf(mode, sizeof(mode), "%04o", key->mode & 07777);
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:s, s:s}",
		"dev_major", (json_int_t)key->dev_major, "dev_minor",
		(json_int_t)key->dev_minor, "ino", (json_int_t)key->ino,
		"mnt_id", (json_int_t)key->mnt_id, "size",
		(json_int_t)key->size, "mode", mode, "nlink",
		(json_int_t)key->nlink, "uid", (json_int_t)key->uid, "gid",
		(json_int_t)key->gid, "ctime", changed, "mtime", modified);
}

static json_t *elf_json(const struct spawn_template_stat *st)
{
	const char *machine = name_machine(st->elf_machine);

	if (st->format != SPAWN_TEMPLATE_FORMAT_ELF)
		return json_null();
	return json_pack("{s:i, s:i, s:s?, s:b, s:b}", "class",
			 st->elf_class == ELFCLASS64 ? 64 : 32, "machine",
			 (int)st->elf_machine, "machine_name", machine,
			 "dynamic",
			 (st->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC) != 0,
			 "pie", (st->elf_flags & SPAWN_TEMPLATE_ELF_PIE) != 0);
}

static json_t *guard_json(const struct spawn_template_stat *st)
{
	if (!st->guarded)
		return json_null();
	return json_pack("{s:I, s:b, s:s?}", "id", (json_int_t)st->guard_id,
			 "deny_write", st->deny_write != 0, "why",
			 st->guard_why ? name_guard_why(st->guard_why) : NULL);
}

static json_t *counters_json(const struct spawn_template_stat *st)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "cold",
			 (json_int_t)st->cold, "warm", (json_int_t)st->warm,
			 "stale", (json_int_t)st->stale, "refused",
			 (json_int_t)st->refused, "failed",
			 (json_int_t)st->failed);
}

static json_t *stat_json(const char *name, const struct spawn_template_stat *st)
{
	bool fresh = st->state == SPAWN_TEMPLATE_STATE_FRESH;

	return json_pack(
		"{s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:s?, s:o, s:b, s:o, s:i, "
		"s:I, s:o}",
		"name", out_text(name), "path", out_text(st->path), "key",
		key_json(&st->key), "format", st_name_format(st->format), "elf",
		elf_json(st), "interpreter",
		*st->interpreter ? out_text(st->interpreter) : json_null(),
		"state", name_state(st->state), "stale_reason",
		fresh ? NULL : st_name_stale(st->stale_reason), "launch",
		launch_json(st), "guarded", st->guarded != 0, "guard",
		guard_json(st), "warm_ready", (int)st->warm_ready, "flags",
		(json_int_t)st->flags, "launches", counters_json(st));
}

static json_t *error_json(const char *name, int error)
{
	return json_pack("{s:o, s:{s:s, s:i, s:s}}", "name", out_text(name),
			 "error", "name", name_errno(error), "errno", error,
			 "message", strerror(error));
}

/*
 * Fill st in, or print why that failed.
 * Return: 0 or the exit code, with *error.
 */
static int stat_one(const char *name, struct spawn_template_stat *st,
		    int *error)
{
	int tfd = launch_template(name, 0), err;

	if (tfd < 0) {
		*error = -tfd;
		return launch_explain_create(name, -tfd);
	}
	err = spawn_template_stat(tfd, st, sizeof(*st));
	spawn_template_close(tfd);
	if (err < 0) {
		*error = -err;
		out_error("%s: %s", name, strerror(-err));
		return CLI_FAILED;
	}
	return 0;
}

static int stat_all(char **names, bool json)
{
	static struct spawn_template_stat st;
	json_t *list = json ? json_array() : NULL;
	int status = 0;

	for (char **name = names; *name; name++) {
		int error = 0, err = stat_one(*name, &st, &error);

		if (err)
			status = err;
		if (json)
			json_array_append_new(list,
					      err ? error_json(*name, error)
						  : stat_json(*name, &st));
		else if (!err)
			print_stat(&st);
		if (!json && !err && name[1])
			out_lines("\n");
	}
	if (json && out_json(STDOUT_FILENO, list, JSON_INDENT(2)))
		status = CLI_FAILED;
	return status;
}

static int stat_main(int argc, char **argv)
{
	bool json = false;
	int status = out_json_option(argc, argv, &json);

	if (status >= 0)
		return status;
	if (optind == argc)
		return out_bad_usage("name at least one program");
	return stat_all(argv + optind, json);
}

const struct command cmd_stat = {
	.name = "stat",
	.summary = "describe the template that a program would give",
	.help = "Usage: spawn-template stat [--json] PROGRAM...\n"
		"\n"
		"Make a template of each program, show its identity, format and "
		"how it would\n"
		"be launched, and close it. A name without a slash is looked "
		"for on PATH.\n"
		"\n"
		"  --json      print a JSON array, one object per program\n"
		"  -h, --help  print this help\n"
		"\n"
		"Exit status: 0, or for the last program that failed: 126 if it "
		"cannot be\n"
		"launched, 127 if it was not found, 125 for other errors.\n",
	.main = stat_main,
};
