/* SPDX-License-Identifier: BSD-2-Clause */
/* Terminals for children of child_process. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "native.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* The size has the rows above the columns, in 16 bits each. */
static int resize(int ours, uint32_t size)
{
	const struct winsize winsize = {
		.ws_row = (unsigned short)(size >> 16),
		.ws_col = (unsigned short)size,
	};

	return ioctl(ours, TIOCSWINSZ, &winsize) < 0 ? -errno : 0;
}

/* Opens the child's end through ours: no path of another mount is looked up. */
static int open_pair(int pair[2], uint32_t size)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	int unlock = 0, ret;

	pair[0] = open("/dev/ptmx", flags | O_NONBLOCK);
	if (pair[0] < 0)
		return -errno;
	if (ioctl(pair[0], TIOCSPTLCK, &unlock) == 0)
		pair[1] = ioctl(pair[0], TIOCGPTPEER, flags);
	else
		pair[1] = -1;
	ret = pair[1] < 0 ? -errno : resize(pair[0], size);
	if (ret < 0) {
		close(pair[0]);
		if (pair[1] >= 0)
			close(pair[1]);
	}
	return ret;
}

/* terminal_open(size): [our end, the child's], which JavaScript closes; or -errno */
napi_value terminal_open(napi_env napi, napi_callback_info info)
{
	napi_value arg, value;
	uint32_t size;
	size_t n = 1;
	int pair[2], ret;

	napi_get_cb_info(napi, info, &n, &arg, NULL, NULL);
	if (n != 1 || napi_get_value_uint32(napi, arg, &size) != napi_ok)
		return throw_arguments(napi);
	ret = open_pair(pair, size);
	if (ret < 0)
		return number_value(napi, ret);
	napi_create_array_with_length(napi, 2, &value);
	for (uint32_t i = 0; i < 2; i++)
		napi_set_element(napi, value, i, number_value(napi, pair[i]));
	return value;
}

/* terminal_resize(our end, size): 0 or -errno */
napi_value terminal_resize(napi_env napi, napi_callback_info info)
{
	napi_value args[2];
	uint32_t size;
	int32_t fd;
	size_t n = 2;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 2 || napi_get_value_int32(napi, args[0], &fd) != napi_ok ||
	    napi_get_value_uint32(napi, args[1], &size) != napi_ok)
		return throw_arguments(napi);
	return number_value(napi, resize(fd, size));
}
