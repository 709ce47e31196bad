/* SPDX-License-Identifier: BSD-2-Clause */
/* Returns stat as a dict, with the words of "spawn-template stat --json". */
#include <elf.h>

#include "native.h"

typedef unsigned long long u64;

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- words; programs may compare them */

static const char *const format_words[] = {
	[SPAWN_TEMPLATE_FORMAT_UNKNOWN] = "unknown",
	[SPAWN_TEMPLATE_FORMAT_ELF] = "elf",
	[SPAWN_TEMPLATE_FORMAT_SCRIPT] = "script",
	[SPAWN_TEMPLATE_FORMAT_OTHER] = "other",
};

static const char *const stale_words[] = {
	[0] = "none",
	[SPAWN_TEMPLATE_STALE_FILE_CHANGED] = "file changed",
	[SPAWN_TEMPLATE_STALE_PATH_GONE] = "path gone",
	[SPAWN_TEMPLATE_STALE_PATH_REPLACED] = "path replaced",
	[SPAWN_TEMPLATE_STALE_GUARD] = "guard",
};

static const char *const by_path_words[] = {
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

static const char *const fallback_words[] = {
	[SPAWN_TEMPLATE_FALLBACK_CLONE] = "clone",
	[SPAWN_TEMPLATE_FALLBACK_PIDFD] = "pidfd_open",
	[SPAWN_TEMPLATE_FALLBACK_RANGES] = "close_ranges",
	[SPAWN_TEMPLATE_FALLBACK_PROC_FD] = "proc_fd",
	[SPAWN_TEMPLATE_FALLBACK_PATH] = "path",
	[SPAWN_TEMPLATE_FALLBACK_TEXT_BUSY] = "text_busy",
	[SPAWN_TEMPLATE_FALLBACK_FORK] = "fork",
};

static const char *const cold_words[] = {
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

#define WORD(words, number) \
	((number) < COUNT(words) ? (words)[number] : "unknown")

/* ---- the parts of the dict */

static PyObject *key_dict(const struct spawn_template_key *key)
{
	return Py_BuildValue(
		"{s:K,s:K,s:K,s:K,s:K,s:I,s:I,s:I,s:I,s:L,s:L}", "dev_major",
		(u64)key->dev_major, "dev_minor", (u64)key->dev_minor, "ino",
		(u64)key->ino, "mnt_id", (u64)key->mnt_id, "size",
		(u64)key->size, "mode", key->mode, "nlink", key->nlink, "uid",
		key->uid, "gid", key->gid, "ctime_ns",
		(long long)key->ctime_sec * 1000000000 + key->ctime_nsec,
		"mtime_ns",
		(long long)key->mtime_sec * 1000000000 + key->mtime_nsec);
}

static PyObject *elf_dict(const struct spawn_template_stat *st)
{
	if (st->format != SPAWN_TEMPLATE_FORMAT_ELF)
		Py_RETURN_NONE;
	return Py_BuildValue(
		"{s:i,s:I,s:N,s:N}", "class",
		st->elf_class == ELFCLASS64 ? 64 : 32, "machine",
		st->elf_machine, "dynamic",
		PyBool_FromLong(st->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC),
		"pie", PyBool_FromLong(st->elf_flags & SPAWN_TEMPLATE_ELF_PIE));
}

/* Returns the counts that are not 0, by name. */
static PyObject *counts_dict(const uint64_t *counts, const char *const *words,
			     size_t n_words)
{
	PyObject *dict = PyDict_New();

	for (size_t i = 0; dict && i < n_words; i++) {
		PyObject *n;

		if (!counts[i])
			continue;
		n = PyLong_FromUnsignedLongLong(counts[i]);
		if (!n || PyDict_SetItemString(dict, words[i], n) < 0)
			Py_CLEAR(dict);
		Py_XDECREF(n);
	}
	return dict;
}

static PyObject *launches_dict(const struct spawn_template_stat *st)
{
	return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K}", "cold", (u64)st->cold,
			     "warm", (u64)st->warm, "stale", (u64)st->stale,
			     "refused", (u64)st->refused, "failed",
			     (u64)st->failed);
}

static PyObject *path(const char *text)
{
	if (*text)
		return PyUnicode_DecodeFSDefault(text);
	Py_RETURN_NONE;
}

PyObject *template_stat_dict(const struct spawn_template_stat *st)
{
	bool fresh = st->state == SPAWN_TEMPLATE_STATE_FRESH;
	bool by_fd = st->launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD;

	return Py_BuildValue(
		"{s:N,s:N,s:s,s:N,s:N,s:s,s:z,s:s,s:z,s:N,s:I,s:N,s:K,s:N,s:N}",
		"path", path(st->path), "key", key_dict(&st->key), "format",
		WORD(format_words, st->format), "elf", elf_dict(st),
		"interpreter", path(st->interpreter), "state",
		fresh ? "fresh" : "stale", "stale_reason",
		fresh ? NULL : WORD(stale_words, st->stale_reason), "launch_by",
		by_fd ? "fd" : "path", "by_path_reason",
		by_fd ? NULL : WORD(by_path_words, st->by_path_reason),
		"guarded", PyBool_FromLong(st->guarded), "warm_ready",
		st->warm_ready, "cold_reasons",
		counts_dict(st->cold_reasons, cold_words, COUNT(cold_words)),
		"flags", (u64)st->flags, "launches", launches_dict(st),
		"fallbacks",
		counts_dict(st->fallbacks, fallback_words,
			    COUNT(fallback_words)));
}
