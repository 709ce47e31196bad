/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of /proc about the calling thread, which each warm launch reads. */
#ifndef ST_WARM_SELF_H
#define ST_WARM_SELF_H

enum st_self_file {
	ST_SELF_STATUS,
	ST_SELF_CGROUP,
	ST_SELF_LABEL,
	ST_SELF_OOM,
	ST_SELF_CORE,
	ST_SELF_FILES,
};

int st_self_read(enum st_self_file file, char *to, int size);
int st_self_link(const char *name, char *to, int size);

#endif
