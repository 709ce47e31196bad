/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contents that a launch puts into a prepared process: the program's
 * initial stack, and below it the steps before the program runs.
 */
#ifndef ST_WARM_IMAGE_H
#define ST_WARM_IMAGE_H

#include "warm/parked.h"

/* The descriptors to send: their numbers here, and there. */
struct warm_fds {
	int n;
	int fd[WARM_FDS_MOST];
	int number[WARM_FDS_MOST];
};

struct warm_image {
	char *buf;		/* WARM_IMAGE_MOST bytes */
	uint64_t base;		/* address of buf in the process */
	uint64_t size;
};

int st_warm_image(struct warm_image *image, const struct st_parked *parked,
		  const struct warm_fds *fds, const struct st_launch *l,
		  struct warm_request *req);

#endif
