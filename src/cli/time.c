/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads numbers, for the options of every command. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int64_t whole_ns(double ns)
{
	return ns > 0 && ns < 1 ? 1 : (int64_t)ns;
}

int parse_duration(const char *text, int64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{ "ms", 1e6 }, { "s", 1e9 },	{ "", 1e9 },
		{ "m", 60e9 }, { "h", 3600e9 },
	};
	double value;
	char *end;

	/* strtod() also takes signs, spaces, hex, "inf": refuse them */
	if (!isdigit((unsigned char)text[strspn(text, ".")]) ||
	    text[strspn(text, "0123456789.")] == 'x')
		return -EINVAL;
	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		value *= units[i].ns;
		if (!(value < 1e18)) /* 30 years */
			return -EINVAL;
		*ns = whole_ns(value);
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *text, uint64_t *bytes)
{
	const uint64_t max = UINT64_C(1) << 53; /* JSON carries no more */
	int shift = 0;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end && end[1])
		return -EINVAL;
	switch (toupper((unsigned char)*end)) {
	case 'G':
		shift += 10; /* fall through */
	case 'M':
		shift += 10; /* fall through */
	case 'K':
		shift += 10; /* fall through */
	case '\0':
		break;
	default:
		return -EINVAL;
	}
	if (errno || n == 0 || n > max >> shift)
		return -EINVAL;
	*bytes = n << shift;
	return 0;
}

int parse_number(const char *text, int base, long min, long max, long *value)
{
	char *end;
	long n;

	if (isspace((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtol(text, &end, base);
	if (errno || end == text || *end || n < min || n > max)
		return -EINVAL;
	*value = n;
	return 0;
}

int read_duration(const char *option, const char *text, int64_t *ns)
{
	if (parse_duration(text, ns))
		return out_bad_usage("%s %s: not a duration such as 500ms, 30s "
				     "or 2m",
				     option, text);
	return 0;
}

int read_held(const char *option, const char *text, uint64_t *ns)
{
	int64_t value = 0;
	int err = read_duration(option, text, &value);

	/* to the library 0 is the default */
	*ns = value ? (uint64_t)value : 1;
	return err;
}

int read_size(const char *option, const char *text, uint64_t *bytes)
{
	if (parse_size(text, bytes))
		return out_bad_usage("%s %s: not a size such as 65536, 64K or "
				     "16M",
				     option, text);
	return 0;
}
