/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of batch: its id, as it was written, and a JSON object. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "cli/batch/batch.h"

/* Take an id, and have a number that all readers of JSON know in its place. */
static int take_id(struct request *r, const struct id_found *found)
{
	r->id = strndup(found->at, found->n);
	if (!r->id)
		return -ENOMEM;
	memset(found->at, ' ', found->n);
	*found->at = '0';
	return 0;
}

/*
 * Find out which line it is. A line with two of the keys is for a job, as far as its
 * answer goes, so that nobody takes that for the end of the job.
 */
static int take_ids(struct request *r, char *line, size_t n)
{
	struct id_found found[REQUEST_VERBS];

	id_find(line, n, found);
	for (int verb = REQUEST_RUN + 1; verb < REQUEST_VERBS; verb++) {
		if (!found[verb].n)
			continue;
		r->verb = (enum request_verb)verb;
		return take_id(r, &found[verb]);
	}
	return found[REQUEST_RUN].n ? take_id(r, &found[REQUEST_RUN]) : 0;
}

int line_read(struct request *r, char *line, size_t n, struct complaint *c)
{
	json_error_t error;

	request_begin(r, n);
	if (take_ids(r, line, n)) {
		/* the answer to another line has an id */
		r->verb = REQUEST_RUN;
		r->id_unknown = true;
		return complain(c, ENOMEM, "out of memory");
	}
	r->id_unknown = !r->id;
	r->json = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			     &error);
	if (!r->json)
		return complain(c, EINVAL, "not JSON: %s, at byte %d",
				error.text, error.position);
	if (!json_is_object(r->json))
		return complain(c, EINVAL, "not an object");
	r->id_unknown = false;
	return request_read_object(r, c);
}
