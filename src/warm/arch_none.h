/* SPDX-License-Identifier: BSD-2-Clause */
/* No launch is prepared on this machine: every one of them is cold. */
#ifndef ST_WARM_ARCH_NONE_H
#define ST_WARM_ARCH_NONE_H

#define WARM_ARCH 0

#endif
