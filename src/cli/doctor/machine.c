/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: the share of the machine in the cost of every launch. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "shared/clock.h"
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

/* Ask firmware or a hypervisor if the processor cannot tell. */
static void hypervisor_by_files(struct finding *f)
{
	static const char *const files[] = {
		"/sys/hypervisor/type",
		"/proc/device-tree/hypervisor/compatible",
		"/sys/class/dmi/id/sys_vendor",
	};
	char text[64];

	for (int i = 0; i < 3; i++) {
		if (read_text(files[i], text, sizeof(text)) <= 0)
			continue;
		found(f, FEATURE_INFO, "%s (%s)", text, files[i]);
		return;
	}
	found(f, FEATURE_UNKNOWN, "neither the processor nor /sys tells");
}

static void probe_virtual(struct finding *f)
{
	char vendor[16];
	int guest = cpuid_hypervisor(vendor);

	if (guest < 0)
		hypervisor_by_files(f);
	else if (guest)
		found(f, FEATURE_INFO, "a guest of '%s'", vendor);
	else
		found(f, FEATURE_INFO, "none is told");
}

/*
 * Judge the time of cpuid. A C library calls it some tens of times before main;
 * in a guest, each call exits to the hypervisor.
 */
static void probe_cpuid(struct finding *f)
{
	int64_t ns = cpuid_cost();

	if (ns < 0) {
		found(f, FEATURE_INFO, "not on this processor");
		return;
	}
	f->ns = ns;
	found(f, FEATURE_INFO, "%lld ns%s", (long long)ns,
	      ns < 1000 ? ""
			: ": each program start pays it some tens of times");
}

static void probe_clock_source(struct finding *f)
{
	static const char *const fast[] = { "tsc", "kvm-clock",
					    "arch_sys_counter",
					    "hyperv_clocksource_tsc_page",
					    "riscv_clocksource" };
	char name[64];

	if (read_text("/sys/devices/system/clocksource/clocksource0/"
		      "current_clocksource",
		      name, sizeof(name)) <= 0) {
		found(f, FEATURE_UNKNOWN, "cannot be read in /sys");
		return;
	}
	for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++) {
		if (strcmp(name, fast[i]) == 0) {
			found(f, FEATURE_OK, "%s", name);
			return;
		}
	}
	found(f, FEATURE_MISSING, "%s needs a system call or a slow read",
	      name);
}

/* Take the mean of many reads: the median would be lost in rounding. */
static void probe_clock_cost(struct finding *f)
{
	enum { READS = 10000 };
	int64_t start = st_now();

	for (int i = 0; i < READS; i++)
		st_now();
	f->ns = (st_now() - start) / READS;
	found(f, FEATURE_INFO, "%lld ns", (long long)f->ns);
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
		.id = "virtualisation",
		.name = "hypervisor",
		.lost = "",
		.probe = probe_virtual,
	},
	{
		.id = "cpuid_cost",
		.name = "cost of cpuid",
		.lost = "",
		.probe = probe_cpuid,
	},
	{
		.id = "clock_source",
		.name = "clock source",
		.lost = "reading the clock is slow: short times are measured "
			"too long",
		.remedy = "boot with clocksource=tsc where the processor's "
			  "counter is stable",
		.probe = probe_clock_source,
	},
	{
		.id = "clock_cost",
		.name = "reading the clock",
		.lost = "",
		.probe = probe_clock_cost,
	},
};

const struct area area_machine = {
	.id = "machine",
	.title = "Machine",
	.features = features,
	.n_features = sizeof(features) / sizeof(features[0]),
};
