/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the library's sentence for a failed launch, for scripts to compare:
 *
 *	tell_failure ERROR STAGE ACTION
 */
#include <stdio.h>
#include <stdlib.h>

#include "spawn_template.h"

int main(int argc, char **argv)
{
	struct spawn_template_failure failure;
	char text[1024];

	if (argc != 4)
		return 2;
	failure = (struct spawn_template_failure){
		.error = atoi(argv[1]),
		.stage = (uint32_t)atoi(argv[2]),
		.action = (uint32_t)atoi(argv[3]),
	};
	if (spawn_template_strerror(&failure, text, sizeof(text)) < 0)
		return 1;
	return puts(text) < 0;
}
