/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reason why a program was not prepared, as far as it can be told from its file and
 * from what this machine allows, with the remedy.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/xattr.h>

#include "cli/stat_names.h"
#include "cli/warm/warm.h"

#define PROGRAM st_name_cold(SPAWN_TEMPLATE_COLD_PROGRAM)

CLI_PRINTF(4, 5)
static bool say(struct warm_why *why, const char *id, const char *remedy,
		const char *fmt, ...)
{
	va_list ap;

	why->id = id;
	why->remedy = remedy;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return true;
}

static const char *const texts[] = {
	[SPAWN_TEMPLATE_COLD_FIRST] = "it is the first launch, or the first "
				      "after 30 s without one",
	[SPAWN_TEMPLATE_COLD_NOT_READY] = "no process waited at the moment",
	[SPAWN_TEMPLATE_COLD_BUSY] = "another thread launched at the moment",
	[SPAWN_TEMPLATE_COLD_FLAGS] = "the launch has a flag that only exec "
				      "serves",
	[SPAWN_TEMPLATE_COLD_DESCRIPTORS] = "descriptors cannot be handed to a "
					    "waiting process",
	[SPAWN_TEMPLATE_COLD_ARGV0] = "argv[0] is not that of the launches "
				      "before",
	[SPAWN_TEMPLATE_COLD_ENVIRONMENT] = "the environment has variables of "
					    "the dynamic linker or of libc",
	[SPAWN_TEMPLATE_COLD_FILES] = "a file that the program has mapped has "
				      "changed",
	[SPAWN_TEMPLATE_COLD_INHERITED] =
		"what a process inherits has changed: "
		"limits, cgroup, ids",
	[SPAWN_TEMPLATE_COLD_SANDBOX] = "the sandbox is not that of the "
					"waiting process",
	[SPAWN_TEMPLATE_COLD_PROGRAM] = "the program cannot be prepared",
	[SPAWN_TEMPLATE_COLD_LOST] = "the waiting process did not answer",
	[SPAWN_TEMPLATE_COLD_GUARDED] = "the guard must see an exec",
	[SPAWN_TEMPLATE_COLD_COMMAND] = "the command line of a session shell "
					"is not SHELL -c COMMAND, or that of "
					"a Python shows how it starts",
};

const char *explain_cold(unsigned int reason)
{
	return reason < COUNT(texts) && texts[reason] ? texts[reason]
						      : "another reason";
}

/* Return the remedy for a reason; NULL: none. */
static const char *remedy_of(unsigned int reason)
{
	switch (reason) {
	case SPAWN_TEMPLATE_COLD_DESCRIPTORS:
		return "keep the descriptors 0, 1 and 2 open";
	case SPAWN_TEMPLATE_COLD_ENVIRONMENT:
		return "unset LD_*, MALLOC_*, GLIBC_TUNABLES, LOCPATH, TZDIR "
		       "and the like";
	case SPAWN_TEMPLATE_COLD_SANDBOX:
		return "make the template in the sandbox";
	case SPAWN_TEMPLATE_COLD_GUARDED:
		return "make the template with CREATE_NO_GUARD";
	default:
		return NULL;
	}
}

/* Find the reason in the counters of launches that were to be warm. */
static bool why_counted(const struct warm_program *p, struct warm_why *why)
{
	for (unsigned int i = 0; i < COUNT(texts); i++) {
		uint64_t n = p->way[WAY_ONCE].cold_reasons[i] +
			     p->way[WAY_FORK].cold_reasons[i] +
			     p->way[WAY_PYTHON].cold_reasons[i];

		if (n && i != SPAWN_TEMPLATE_COLD_FIRST &&
		    i != SPAWN_TEMPLATE_COLD_NOT_READY &&
		    i != SPAWN_TEMPLATE_COLD_PROGRAM)
			return say(why, st_name_cold(i), remedy_of(i), "%s",
				   explain_cold(i));
	}
	return false;
}

static bool is_glibc(const char *interpreter)
{
	const char *name = strrchr(interpreter, '/');

	return name && strncmp(name, "/ld-linux", 9) == 0;
}

/* Find the reason in the file. */
static bool why_file(const struct spawn_template_stat *st, struct warm_why *why)
{
	if (st->format == SPAWN_TEMPLATE_FORMAT_SCRIPT)
		return say(why, "script",
			   "launch its interpreter with the script as the "
			   "argument",
			   "it is a script: exec starts %s", st->interpreter);
	if (st->format != SPAWN_TEMPLATE_FORMAT_ELF ||
	    st->by_path_reason == SPAWN_TEMPLATE_BY_PATH_BINFMT)
		return say(why, "format", NULL,
			   "exec gives it to an emulator or interpreter");
	if (!(st->elf_flags & SPAWN_TEMPLATE_ELF_DYNAMIC))
		return say(why, "static", NULL,
			   "it is static: there is no work of a dynamic linker "
			   "to be done ahead");
	if (st->elf_machine != EM_X86_64 || st->elf_class != ELFCLASS64)
		return say(why, "machine", NULL,
			   "it is not a 64-bit program for x86");
	if (st->key.mode & 06000 ||
	    getxattr(st->path, "security.capability", NULL, 0) > 0)
		return say(why, "secure", NULL,
			   "exec gives it other rights: set-id, or "
			   "capabilities of the file");
	if (!is_glibc(st->interpreter))
		return say(why, "linker", "use a build for glibc",
			   "its dynamic linker, %s, is not glibc's",
			   st->interpreter);
	return false;
}

static bool why_machine(struct warm_why *why)
{
	int error;
	enum warm_need need = warm_lacking(&error);

	if (need == WARM_NEEDS)
		return false;
	return say(why, "machine", warm_need_remedy(need, error), "%s: %s",
		   warm_need_name(need), strerror(-error));
}

/* Find the reason in the profile, with one: then no other way is tried. */
static bool why_profile(const struct warm_program *p, struct warm_why *why)
{
	if (p->way[WAY_ONCE].tried)
		return false;
	return say(why, "profile",
		   "see \"Session shells\" in spawn_template_create(3)",
		   "a shell that has sourced the profile cannot be forked: the "
		   "file prints, changes the directory, ends the shell or "
		   "leaves a process or descriptor behind; or this is neither "
		   "bash nor dash");
}

void warm_why(const struct warm_program *program, struct warm_why *why)
{
	*why = (struct warm_why){ .id = PROGRAM };
	if (program->slow)
		say(why, "slow", "name other arguments by --arg",
		    "it did not end by itself within 5 s");
	else if (!why_file(&program->st, why) && !why_counted(program, why) &&
		 !why_machine(why) && !why_profile(program, why))
		say(why, PROGRAM, NULL,
		    "its dynamic linker did not reach the program's start as "
		    "expected");
}
