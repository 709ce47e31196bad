/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_WARM_STUB_H
#define ST_WARM_STUB_H

#include "warm/message.h"

/* The entry of the stub; its section is copied, and never runs in this process. */
_Noreturn void st_warm_enter(const struct warm_control *control);

/* Prepares a Python, and stops with a trap for the tracer. */
_Noreturn void st_warm_python_prepare(struct warm_control *control);

/* Set by the linker, for the section. */
extern const char __start_st_warm_stub[] __attribute__((visibility("hidden")));
extern const char __stop_st_warm_stub[] __attribute__((visibility("hidden")));

#endif
