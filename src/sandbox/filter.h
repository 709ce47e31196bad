/* SPDX-License-Identifier: BSD-2-Clause */
/* The seccomp filter that keeps a program off the network. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <stdbool.h>

#include <linux/filter.h>

/* Tells whether this kernel has filters that answer errors. */
bool st_filter_possible(void);

extern const struct sock_fprog st_filter_no_net;

#endif
