/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_DAEMON_OPTIONS_H
#define ST_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_QUOTA		256
#define OPTIONS_METRICS_SECONDS	15

struct options {
	const char *socket_path;	/* NULL: ST_GUARD_SOCKET, or systemd's */
	int gid; /* the socket's; -1: leave it as it is */
	int inspect_gid;		/* -1: root only */
	unsigned int quota;		/* templates per user */
	const char *metrics_file;	/* NULL: none */
	unsigned int metrics_seconds;
	int mode;			/* 0: auto; or ST_STATUS_* */
	const char *pin_dir;		/* NULL: ST_GUARD_PINS */
	bool upgrade, unload, verbose;
};

/* Return: -1 to go on; else the exit status, after a message if one is due. */
int options_parse(struct options *options, int argc, char **argv);

#endif
