/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor, on x86: the hypervisor that cpuid names, and the cost of cpuid. */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "cli/doctor/doctor.h"

#define SAMPLES 201

int cpuid_hypervisor(char vendor[16])
{
	unsigned int a, b, c, d;

	memset(vendor, 0, 16);
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return -ENOSYS;
	if (!(c >> 31))
		return 0;
	__cpuid(0x40000000, a, b, c, d);
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &c, 4);
	memcpy(vendor + 8, &d, 4);
	return 1;
}

static int compare_samples(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Measure several in each sample, so that reading the clock weighs little. */
int64_t cpuid_cost(void)
{
	enum { EACH = 10 };
	int64_t samples[SAMPLES];
	unsigned int a, b, c, d;

	for (int i = 0; i < SAMPLES; i++) {
		int64_t start = st_now();

		for (int j = 0; j < EACH; j++)
			__cpuid(0, a, b, c, d);
		samples[i] = (st_now() - start) / EACH;
	}
	qsort(samples, SAMPLES, sizeof(samples[0]), compare_samples);
	return samples[SAMPLES / 2];
}
