/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_EXIT_INFO_H
#define ST_EXIT_INFO_H

int st_exit_info(int pidfd);

#endif
