/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program may load the library as a part of a plugin that it closes. What runs or
 * is called later, a thread or the destructor of a thread's data, then has no code
 * any more. The shared library is linked with -z nodelete; whoever links the static
 * one into a plugin need not know of that.
 *
 * The references are weak: a program without dlopen(3), as a static one, closes
 * nothing, and needs no libdl. dlopen(3) is looked up, since the linker warns of a
 * reference to it in a static program.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>

#include "pin.h"

#pragma weak dladdr
#pragma weak dlsym

static const char here;

/* The main program is never closed, and has a name that need not lead to it. */
static bool is_main_program(const Dl_info *object)
{
	const void *entry = (const void *)(uintptr_t)getauxval(AT_ENTRY);
	Dl_info program;

	return dladdr(entry, &program) &&
	       program.dli_fbase == object->dli_fbase;
}

void st_pin(void)
{
	void *(*open_again)(const char *name, int flags);
	Dl_info object;

	if (!dladdr || !dlsym || !dladdr(&here, &object) ||
	    is_main_program(&object))
		return;
	*(void **)&open_again = dlsym(RTLD_DEFAULT, "dlopen");
	/* without success it may be closed, as any other code may */
	if (open_again)
		open_again(object.dli_fname,
			   RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
