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
	int first; /* lower numbers are the process's own; 0: none are */
};

/* Tells whether a descriptor has the same number there. */
static inline bool st_fds_same(const struct warm_fds *fds, int fd)
{
	return fd <= 2 || (!fds->first && fd < WARM_FD_LIMIT);
}

bool st_fds_list(struct warm_fds *fds, const struct st_launch *l);
bool st_fds_has(const struct warm_fds *fds, int fd);

struct warm_image {
	char *buf;		/* WARM_IMAGE_MOST bytes */
	uint64_t base;		/* address of buf in the process */
	uint64_t size;
};

/* A place in the buffer, and its address in the process. */
struct warm_builder {
	char *at, *end;
	uint64_t address;
	bool no_resets; /* the signals that the launch resets are as they shall be */
};

/* Each: the address in the process; 0 if there is no room. */
uint64_t st_image_put(struct warm_builder *b, const void *from, size_t n,
		      size_t align);
/* Return: 0, or -E2BIG; both take a list that ends with NULL. */
int st_image_put_strings(struct warm_builder *b, char *const *list);
int st_image_put_addresses(struct warm_builder *b, char *const *list,
			   uint64_t at, uint64_t *array);
uint64_t st_image_put_steps(struct warm_builder *b, const struct warm_fds *fds,
			    const struct st_launch *l);

int st_warm_image(struct warm_image *image, const struct st_parked *parked,
		  const struct warm_fds *fds, const struct st_launch *l,
		  struct warm_request *req);

/* shell_image.c: the same for a session shell */
int st_shell_image(struct warm_image *image, const struct st_parked *parked,
		   const struct warm_fds *fds, const struct st_launch *l,
		   struct warm_request *req);

/* python_image.c: the same for a prepared Python */
int st_python_image(struct warm_image *image, const struct st_parked *parked,
		    const struct warm_fds *fds, const struct st_launch *l,
		    struct warm_request *req);

#endif
