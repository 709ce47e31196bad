/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor, on processors without cpuid. */
#include <errno.h>

#include "cli/doctor/doctor.h"

int cpuid_hypervisor(char vendor[16])
{
	vendor[0] = '\0';
	return -ENOSYS;
}

int64_t cpuid_cost(void)
{
	return -ENOSYS;
}
