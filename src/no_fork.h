/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_NO_FORK_H
#define ST_NO_FORK_H

/* No fork(3) of another thread takes place from here ... */
void st_no_fork_begin(void);
/* ... to here. */
void st_no_fork_end(void);

#endif
