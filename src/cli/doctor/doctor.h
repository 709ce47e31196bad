/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What spawn-template doctor looks at: areas of features, each with a probe.
 *
 * A probe tries the feature and writes what it found to a finding. It runs in a
 * throw-away process of its own, so it may change that process as it likes, a
 * sandbox that kills it is a finding, and nothing it does outlives it. A probe
 * never loads a BPF program or a module.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"

/* UNKNOWN is the outcome of a probe that could not be made. */
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
	char remedy[FINDING_TEXT]; /* "": that of the feature */
	int64_t ns; /* what was measured; -1: nothing */
};

#define KERNEL(major, minor) ((major) << 8 | (minor))

struct feature {
	const char *id; /* for JSON; stable */
	const char *name;
	int since; /* KERNEL(); 0: told by other means */
	bool essential; /* launches do not work without */
	const char *lost; /* without it */
	const char *remedy; /* NULL: a newer kernel, or a sandbox's rule */
	void (*probe)(struct finding *f);
};

struct area {
	const char *id;
	const char *title;
	const struct feature *features;
	size_t n_features;
};

extern const struct area area_launch; /* doctor_launch.c */
extern const struct area area_process; /* doctor_process.c */
extern const struct area area_cgroup; /* doctor_cgroup.c */
extern const struct area area_bpf; /* doctor_bpf.c */
extern const struct area area_guard; /* doctor_guard.c */
extern const struct area area_machine; /* doctor_machine.c */

/* ---- for probes: doctor_probe.c */

void found(struct finding *f, enum feature_status status, const char *fmt, ...)
	CLI_PRINTF(3, 4);
void found_remedy(struct finding *f, const char *fmt, ...) CLI_PRINTF(2, 3);

/* What the return value of a system call says: 0 or -errno. */
void found_call(struct finding *f, long ret);

/* What the death of a process that tried says; status as of wait_exit(). */
void found_death(struct finding *f, int status);

/* The running kernel as KERNEL(); 0 if it cannot be told. */
int running_kernel(void);

/* Run a probe in a process of its own, then judge what it found. */
void feature_probe(const struct feature *feature, struct finding *ret);

/* Read the start of a small file, without its last newline. Return: bytes, or
 * -errno. */
ssize_t read_text(const char *path, char *text, size_t size);

/* Wait for a child of any kind. Return: its exit status, 128 + signal, or
 * -errno. */
int wait_exit(pid_t pid);

/* ---- doctor_cpuid_*.c: one of them is built */

/* Whether a hypervisor runs below, and its name. Return: 1, 0, or -ENOSYS if
 * this kind of processor does not tell. */
int cpuid_hypervisor(char vendor[16]);

/* The time that cpuid takes, median of many, in ns. Return: or -ENOSYS. */
int64_t cpuid_cost(void);

#endif
