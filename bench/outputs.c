/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "outputs.h"

#include <errno.h>

static FILE *create(const char *dir, const char *name, const char *suffix)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, suffix);
	f = fopen(path, "we");
	if (!f)
		fprintf(stderr, "%s: %s: %m\n", name, path);
	return f;
}

int outputs_open(struct outputs *o, const char *dir, const char *name)
{
	o->json = create(dir, name, "json");
	o->markdown = create(dir, name, "md");
	o->columns = create(dir, name, "dat");
	return o->json && o->markdown && o->columns ? 0 : -EIO;
}

int outputs_close(struct outputs *o)
{
	FILE *const files[] = { o->json, o->markdown, o->columns };
	int err = 0;

	for (int i = 0; i < 3; i++)
		if (files[i] && fclose(files[i]))
			err = -EIO;
	return err;
}
