/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a probe in a process of its own, and judges its finding. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"

#define PROBE_SECONDS 10

/* Joins two texts by a semicolon, unless one of them is empty. */
#define JOIN(a, b) \
	(sizeof(a) > 1 && sizeof(b) > 1 ? a "; " b : sizeof(a) > 1 ? a : b)

const struct call_text call_texts[] = {
#define CALL_TEXT(id, name, major, minor, einval, instead, lost) \
	[ST_CALL_##id] = { name, KERNEL(major, minor), JOIN(instead, lost) },
	ST_CALLS(CALL_TEXT)
#undef CALL_TEXT
};

const char *feature_name(const struct feature *feature)
{
	return feature->call ? feature->call->name : feature->name;
}

int feature_since(const struct feature *feature)
{
	return feature->call ? feature->call->since : feature->since;
}

const char *feature_lost(const struct feature *feature)
{
	return feature->call ? feature->call->lost : feature->lost;
}

void found(struct finding *f, enum feature_status status, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

void found_remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

void found_call(struct finding *f, long ret)
{
	switch (-ret) {
	case ENOSYS:
	case EINVAL:
	case EOPNOTSUPP:
	case ENOTTY:
	case E2BIG:
		found(f, FEATURE_MISSING, "%s", name_errno((int)-ret));
		break;
	case EPERM:
	case EACCES:
		found(f, FEATURE_DENIED, "%s", name_errno((int)-ret));
		break;
	default:
		if (ret >= 0)
			found(f, FEATURE_OK, "%s", "");
		else
			found(f, FEATURE_UNKNOWN, "%s", strerror((int)-ret));
	}
}

int running_kernel(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return KERNEL(major, minor);
}

int wait_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run a probe in its process, which ends by itself and dumps no core. */
static _Noreturn void probe_process(const struct feature *feature,
				    struct finding *f)
{
	const struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
	alarm(PROBE_SECONDS);
	feature->probe(f);
	_exit(0);
}

void found_death(struct finding *f, int status)
{
	if (status == 128 + SIGSYS) {
		found(f, FEATURE_DENIED,
		      "a sandbox kills a process that tries");
		found_remedy(f, "allow it in the sandbox's seccomp filter");
	} else if (status == 128 + SIGALRM) {
		found(f, FEATURE_UNKNOWN, "no answer in %d s", PROBE_SECONDS);
	} else if (status > 128) {
		found(f, FEATURE_UNKNOWN, "the probe was killed by %s",
		      name_signal(status - 128));
	} else if (status < 0) {
		found(f, FEATURE_UNKNOWN, "the probe was lost");
	}
}

/*
 * Judge by version: something hides the feature of a kernel that is new enough.
 */
static void judge_version(const struct feature *feature, struct finding *f)
{
	int kernel = running_kernel(), since = feature_since(feature);
	char answer[FINDING_TEXT];

	if (!since)
		return;
	if (f->status == FEATURE_OK && !f->detail[0])
		found(f, FEATURE_OK, "Linux %d.%d", since >> 8, since & 255);
	if (f->status != FEATURE_MISSING)
		return;
	memcpy(answer, f->detail, sizeof(answer));
	if (kernel >= since) {
		found(f, FEATURE_DENIED,
		      "%.100s, although Linux has it since "
		      "%d.%d",
		      answer, since >> 8, since & 255);
		found_remedy(f, "a sandbox hides it: allow it in its seccomp "
				"filter");
	} else if (!f->remedy[0]) {
		found_remedy(f, "Linux %d.%d or later", since >> 8,
			     since & 255);
	}
}

void feature_probe(const struct feature *feature, struct finding *ret)
{
	struct finding *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	ret->ns = -1;
	if (f == MAP_FAILED) {
		found(ret, FEATURE_UNKNOWN, "mmap: %s", strerror(errno));
		return;
	}
	f->ns = -1;
	pid = fork();
	if (pid == 0)
		probe_process(feature, f);
	if (pid < 0) {
		found(f, FEATURE_UNKNOWN, "fork: %s", strerror(errno));
		found_remedy(f, "see 'ulimit -u' and the cgroup's pids.max");
	} else {
		found_death(f, wait_exit(pid));
	}
	judge_version(feature, f);
	if (feature->unused && f->status != FEATURE_OK)
		found(f, FEATURE_INFO, "not here; no launch asks for it");
	*ret = *f;
	munmap(f, sizeof(*f));
}
