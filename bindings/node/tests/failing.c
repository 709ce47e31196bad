/* SPDX-License-Identifier: BSD-2-Clause */
/* A call of the addon that fails in libuv, while the variable FAIL is set. */
#include <stdlib.h>

#include <uv.h>

int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb fn);
int __real_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb fn);

int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb fn)
{
	return getenv("FAIL") ? UV_EMFILE
			      : __real_uv_poll_start(poll, events, fn);
}
