/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The features that spawn-template doctor looks at: areas of them, each feature
 * with a probe.
 *
 * A probe tries the feature and writes its result to a finding. It runs in a
 * throw-away process of its own, so it may change that process as it likes, a
 * sandbox that kills it is a finding, and nothing it does outlives it. A probe
 * never loads a BPF program or a module.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "shared/calls.h"

/* UNKNOWN means that the probe itself could not be made. */
enum feature_status {
	FEATURE_UNKNOWN,
	FEATURE_OK,
	FEATURE_MISSING,
	FEATURE_DENIED,
	FEATURE_INFO, /* neither good nor bad */
};

#define FINDING_TEXT 256

struct finding {
	enum feature_status status;
	char detail[FINDING_TEXT];
	char remedy[FINDING_TEXT]; /* "": the feature's remedy */
	int64_t ns; /* the time measured; -1: none */
};

#define KERNEL(major, minor) ((major) << 8 | (minor))

/* A row of the table of calls; see shared/calls.h. */
struct call_text {
	const char *name;
	int since;
	const char *lost; /* the substitute, and the loss */
};

extern const struct call_text call_texts[]; /* probe.c; by ST_CALL_* */

/* A feature has what its row says, or else name, since and lost of its own. */
struct feature {
	const char *id; /* for JSON; stable */
	const struct call_text *call;
	const char *name;
	int since; /* KERNEL(); 0: versions do not tell */
	bool essential; /* launches need it */
	bool unused; /* no launch asks for it: nothing is lost without it */
	const char *lost; /* the loss if it is missing */
	const char *remedy; /* NULL: a newer kernel, or another sandbox rule */
	void (*probe)(struct finding *f);
};

struct area {
	const char *id;
	const char *title;
	const struct feature *features;
	size_t n_features;
};

extern const struct area area_launch; /* launch.c */
extern const struct area area_process; /* process.c */
extern const struct area area_cgroup; /* cgroup.c */
extern const struct area area_limits; /* limits.c */
extern const struct area area_bpf; /* bpf.c */
extern const struct area area_guard; /* guard.c */
extern const struct area area_warm; /* warm.c */
extern const struct area area_sandbox; /* sandbox.c */
extern const struct area area_machine; /* machine.c */

/* ---- what the findings mean: verdict.c */

struct found_area {
	const struct area *area; /* NULL: the end of the list */
	const struct finding *findings;
};

struct verdict {
	enum { VERDICT_OK, VERDICT_PART, VERDICT_NO } level;
	char text[2 * FINDING_TEXT]; /* a sentence */
};

struct judge {
	const char *id; /* for JSON; stable */
	void (*judge)(const struct found_area *all, struct verdict *ret);
};

#define N_JUDGES 4
extern const struct judge judges[N_JUDGES];

/*
 * warm.c. Prepare launches of a program.
 * Return: 0; or the exit code of a program that is not there or does not start, which
 * the finding tells. *reason is why it was not prepared; NULL: it was.
 */
int doctor_program(char *name, struct finding *f, const char **reason);

/* cgroup.c. Find the directory of this process's cgroup. Return: false: there is none. */
bool doctor_own_cgroup(char path[PATH_MAX]);

/* ---- what a feature, or its row, says: probe.c */

const char *feature_name(const struct feature *feature);
int feature_since(const struct feature *feature);
const char *feature_lost(const struct feature *feature);

/* ---- for probes: probe.c */

void found(struct finding *f, enum feature_status status, const char *fmt, ...)
	CLI_PRINTF(3, 4);
void found_remedy(struct finding *f, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Judge the return value of a system call: 0 or -errno. */
void found_call(struct finding *f, long ret);

/* Judge the end of a process that tried; status is that of wait_exit(). */
void found_death(struct finding *f, int status);

/* Return the running kernel as KERNEL(); 0 if unknown. */
int running_kernel(void);

/* Run a probe in a process of its own, then judge its finding. */
void feature_probe(const struct feature *feature, struct finding *ret);

/*
 * Wait for a child of any kind.
 * Return: its exit status, 128 + signal, or -errno.
 */
int wait_exit(pid_t pid);

#endif
