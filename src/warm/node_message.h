/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A prepared Node: node, parked when it has started and has not yet looked at its
 * command line. Layouts that the library shares with the stub in it.
 *
 * Node keeps the command line in C++ strings. The process is started with arguments
 * that are long enough for those of a launch, which replace them in place.
 */
#ifndef ST_WARM_NODE_MESSAGE_H
#define ST_WARM_NODE_MESSAGE_H

#include <stdint.h>

/* The arguments behind the options; and the least length of each. */
#define WARM_NODE_ARGUMENTS 24
#define WARM_NODE_ARGUMENT_LEN 1024
/* The options; a vector of strings has them in front of the arguments. */
#define WARM_NODE_OPTIONS 16
/* The length of what is behind -e. */
#define WARM_NODE_CODE_LEN 32768
#define WARM_NODE_CODE 255 /* its index */

#define WARM_NODE_RUNS 24
#define WARM_NODE_ENDS 8
#define WARM_NODE_TIMES 20

/* Node's own descriptors are below; those of a launch come from here on. */
#define WARM_NODE_FD_FIRST 40

/* Strings that stand one behind another; the size of one of them. */
#define WARM_NODE_STRING 32

struct warm_node_run {
	uint64_t at;
	uint32_t first, n; /* indexes */
};

/* The end of a vector of strings, whose last ones are those at the address. */
struct warm_node_end {
	uint64_t end, strings;
};

/* The unit of the times by the clock that may be set; others are monotonic. */
#define WARM_NODE_REAL 1000

/* A time of node's start: the nanoseconds in a unit of it; 0: it is an integer of them. */
struct warm_node_time {
	uint64_t at, bits, unit;
};

struct warm_node {
	uint64_t node; /* 0: the program is no prepared Node */
	uint64_t registers[8]; /* rbx rbp r12 r13 r14 r15 rsp rip */
	uint64_t environ, n_environ; /* the initial array of variables */
	uint64_t title; /* libuv keeps the size of the command line there */
	uint64_t stat[3]; /* the states of 0 to 2, behind their flags */
	uint64_t marks[3]; /* FD_CLOEXEC, where node has marked one of these */
	uint32_t n_runs, n_ends;
	struct warm_node_run run[WARM_NODE_RUNS];
	struct warm_node_end end[WARM_NODE_ENDS];
	struct warm_node_time time[WARM_NODE_TIMES];
	uint64_t n_times;
	/* when it had started, in nanoseconds */
	uint64_t stopped, stopped_real;
};

/* One launch, with addresses of the process. */
struct warm_node_command {
	uint64_t argv, title_size;
	uint64_t code; /* a string; 0: none */
	uint64_t arguments, n_arguments; /* a part of argv */
	uint64_t variables; /* the environment's strings */
	uint64_t path; /* of the file, to be executed after all */
	/* node's times, as if it had started for the launch */
	struct warm_node_time time[WARM_NODE_TIMES];
};

#endif
