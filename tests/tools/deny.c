/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program to which a system call is denied:
 *
 *	deny ERRNO CALL PROGRAM [ARGUMENTS]
 *
 * CALL is one of shared/calls.h, by its name in the code. Without arguments: a line
 * for each, with its name for people behind a tab. Exit status 99: it cannot be denied.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../denied.h"

static const char *const names[] = {
#define NAME(id, name, ...) [ST_CALL_##id] = name,
	ST_CALLS(NAME)
#undef NAME
};

int main(int argc, char **argv)
{
	for (int i = 0; i < ST_N_CALLS; i++) {
		if (argc == 1)
			printf("%s\t%s\n", denied_calls[i].id, names[i]);
		else if (argc > 3 && strcmp(argv[2], denied_calls[i].id) == 0 &&
			 denied_begin((enum st_call)i, atoi(argv[1])) == 0)
			execvp(argv[3], argv + 3);
	}
	return argc == 1 ? 0 : 99;
}
