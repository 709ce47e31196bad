/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry points of a child. */
#ifndef ST_CHILD_H
#define ST_CHILD_H

/* Entry of the child; does not return. */
void st_child(void *launch);

/* Entry of a child that asks the kernel whether an fd may be executed. */
struct st_exec_check {
	int fd;
	volatile int ret;
};
void st_child_exec_check(void *exec_check);

#endif
