/* SPDX-License-Identifier: BSD-2-Clause */
/* Histograms, and numbers in a form for people. */
#define _GNU_SOURCE
#include <inttypes.h>

#include "shared/clock.h"
#include "cli/guard/guard.h"

uint64_t histogram_count(const __u64 slots[ST_ITEM_SLOTS])
{
	uint64_t n = 0;

	for (int i = 0; i < ST_ITEM_SLOTS; i++)
		n += slots[i];
	return n;
}

uint64_t histogram_percentile(const __u64 slots[ST_ITEM_SLOTS],
			      unsigned int percent)
{
	uint64_t n = histogram_count(slots), seen = 0, rank;
	int i;

	if (!n)
		return 0;
	/* n * percent / 100, rounded up, without overflow */
	rank = n / 100 * percent + (n % 100 * percent + 99) / 100;
	for (i = 0; i < ST_ITEM_SLOTS - 1; i++) {
		seen += slots[i];
		if (seen >= rank)
			return UINT64_C(2) << i;
	}
	return UNBOUNDED;
}

const char *format_duration(char text[NUMBER_TEXT], double ns)
{
	static const struct {
		double ns;
		const char *name;
	} units[] = {
		{ 60e9, "m" }, { 1e9, "s" }, { 1e6, "ms" },
		{ 1e3, "us" }, { 1, "ns" },
	};
	size_t i = 0;

	while (ns < units[i].ns && i < 4)
		i++;
	ns /= units[i].ns;
	snprintf(text, NUMBER_TEXT, "%.*f%s", ns < 9.95 && i < 3 ? 1 : 0, ns,
		 units[i].name);
	return text;
}

const char *format_bound(char text[NUMBER_TEXT], uint64_t us)
{
	char duration[NUMBER_TEXT];

	if (us == 0)
		return "-";
	if (us == UNBOUNDED)
		return ">35m";
	snprintf(text, NUMBER_TEXT, "<%.16s",
		 format_duration(duration, (double)us * 1e3));
	return text;
}

const char *format_age(char text[NUMBER_TEXT], int64_t ns)
{
	int64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(text, NUMBER_TEXT, "%" PRId64 "s", s < 0 ? 0 : s);
	else if (s < 3600)
		snprintf(text, NUMBER_TEXT, "%" PRId64 "m %" PRId64 "s", s / 60,
			 s % 60);
	else if (s < 86400)
		snprintf(text, NUMBER_TEXT, "%" PRId64 "h %" PRId64 "m",
			 s / 3600, s / 60 % 60);
	else
		snprintf(text, NUMBER_TEXT, "%" PRId64 "d %" PRId64 "h",
			 s / 86400, s / 3600 % 24);
	return text;
}

const char *format_bytes(char text[NUMBER_TEXT], uint64_t bytes)
{
	if (bytes < UINT64_C(10) << 20)
		snprintf(text, NUMBER_TEXT, "%" PRIu64 " KiB", bytes >> 10);
	else
		snprintf(text, NUMBER_TEXT, "%" PRIu64 " MiB", bytes >> 20);
	return text;
}

int64_t age_ns(uint64_t since_boot_ns)
{
	return st_since_boot() - (int64_t)since_boot_ns;
}
