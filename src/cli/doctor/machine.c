/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: the kernel, the processors, and the clock that times are read from. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/text.h"
#include "cli/doctor/doctor.h"

static void probe_kernel(struct finding *f)
{
	struct utsname name;

	if (uname(&name))
		found(f, FEATURE_UNKNOWN, "%s", strerror(errno));
	else
		found(f, FEATURE_INFO, "%.90s %.90s", name.release,
		      name.machine);
}

static void probe_processors(struct finding *f)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		found(f, FEATURE_INFO, "%ld online", online);
	else
		found(f, FEATURE_INFO, "%ld online, %d for this process",
		      online, CPU_COUNT(&set));
}

/* Take the mean of many reads: the median would be lost in rounding. */
static int64_t clock_cost(void)
{
	enum { READS = 10000 };
	int64_t start = st_now();

	for (int i = 0; i < READS; i++)
		st_now();
	return (st_now() - start) / READS;
}

static void probe_clock_source(struct finding *f)
{
	static const char *const fast[] = { "tsc", "kvm-clock",
					    "arch_sys_counter",
					    "hyperv_clocksource_tsc_page",
					    "riscv_clocksource" };
	char name[64];

	f->ns = clock_cost();
	if (st_read_text("/sys/devices/system/clocksource/clocksource0/"
			 "current_clocksource",
			 name, sizeof(name)) <= 0) {
		found(f, FEATURE_UNKNOWN, "cannot be read in /sys");
		return;
	}
	for (size_t i = 0; i < COUNT(fast); i++) {
		if (strcmp(name, fast[i]) == 0) {
			found(f, FEATURE_OK, "%s, read in %lld ns", name,
			      (long long)f->ns);
			return;
		}
	}
	found(f, FEATURE_MISSING, "%s needs a system call or a slow read",
	      name);
}

static const struct feature features[] = {
	{
		.id = "kernel",
		.name = "kernel",
		.lost = "",
		.probe = probe_kernel,
	},
	{
		.id = "processors",
		.name = "processors",
		.lost = "",
		.probe = probe_processors,
	},
	{
		.id = "clock_source",
		.name = "clock source",
		.lost = "reading the clock is slow, so short times are measured "
			"too long",
		.remedy = "boot with clocksource=tsc where the processor's "
			  "counter is stable",
		.probe = probe_clock_source,
	},
};

const struct area area_machine = {
	.id = "machine",
	.title = "Machine",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
