/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A launch that the stand-in for python asks of the server: counts, then the strings
 * of argv and of the environment, with the directory and 0 to 2 as descriptors. The
 * server answers with the pid, and at the end with the status.
 */
#ifndef TESTS_WARM_PYTHON_MESSAGE_H
#define TESTS_WARM_PYTHON_MESSAGE_H

#include <sys/socket.h>

#define MESSAGE_MOST 180000
#define MESSAGE_FDS 4

struct message {
	int argc, envc;
	char strings[MESSAGE_MOST];
};

union message_control {
	struct cmsghdr h;
	char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS)];
};

#endif
