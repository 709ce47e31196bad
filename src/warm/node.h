/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prepared Nodes: which launches they serve, and their parking. The options and the
 * environment for which one is parked are kept as for a Python.
 */
#ifndef ST_WARM_NODE_H
#define ST_WARM_NODE_H

#include "warm/image.h"
#include "warm/seat.h"

/* Names a file that node reads when it starts. */
#define ST_NODE_CERTIFICATES "NODE_EXTRA_CA_CERTS="

/* The texts with which the strings of a parked Node begin; an index follows. */
#define ST_NODE_CODE	 "spawn-template-code-"
#define ST_NODE_ARGUMENT "spawn-template-argument-"
/* A byte of the text that tells the index of an argument. */
#define ST_NODE_INDEX 'A'

/*
 * node_options.c. Return: how many arguments behind argv[0] are options, with one that
 * precedes code to evaluate; -1: no prepared Node has these.
 */
int st_node_options(char *const *argv);
/* Tells whether code follows the option. */
bool st_node_evaluates(const char *option);
/* Tells whether only a new Node can have these variables. */
bool st_node_refuses(char *const *envp);

/* Tells whether the program's name is node, nodejs, or node with a version. */
bool st_node_is_name(const char *path);

/* Return: a reason to go cold, besides the options and the environment. */
unsigned int st_node_judge(const struct st_launch *l);

/* Parks a Node with these options and variables; the lock is not held. */
int st_node_open(char *const *options, char *const *envp,
		 struct warm_seat *seat, struct st_park *park);

/* node_image.c: what goes into it */
int st_node_image(struct warm_image *image, const struct st_parked *parked,
		  const struct warm_fds *fds, const struct st_launch *l,
		  struct warm_request *req);

#endif
