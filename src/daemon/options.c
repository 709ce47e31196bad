/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's command line.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/options.h"
#include "loader/loader.h"
#include "shared/proto.h"

#define DEFAULT_GROUP "spawn-template"
#define BAD_USAGE 2

enum {
	OPT_SOCKET = 256,
	OPT_GROUP,
	OPT_INSPECT_GROUP,
	OPT_QUOTA,
	OPT_METRICS_FILE,
	OPT_METRICS_INTERVAL,
	OPT_MODE,
	OPT_PIN_DIR,
	OPT_UPGRADE,
	OPT_UNLOAD,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "inspect-group", required_argument, NULL, OPT_INSPECT_GROUP },
	{ "quota", required_argument, NULL, OPT_QUOTA },
	{ "metrics-file", required_argument, NULL, OPT_METRICS_FILE },
	{ "metrics-interval", required_argument, NULL, OPT_METRICS_INTERVAL },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "pin-dir", required_argument, NULL, OPT_PIN_DIR },
	{ "upgrade", no_argument, NULL, OPT_UPGRADE },
	{ "unload", no_argument, NULL, OPT_UNLOAD },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: spawn-templated [OPTIONS]\n"
	"\n"
	"Load the kernel programs that guard templates, or take over those that "
	"are\n"
	"loaded, and serve clients. Runs in the foreground; at SIGTERM or SIGINT "
	"it ends,\n"
	"and the programs stay in force.\n"
	"\n"
	"  --socket PATH         listen there (" ST_GUARD_SOCKET ")\n"
	"  --group G             group that may connect (" DEFAULT_GROUP
	", if there is one)\n"
	"  --inspect-group G     group that may read the pinned maps (none)\n"
	"  --quota N             templates of one user other than root (256)\n"
	"  --metrics-file F      write OpenMetrics text to F, atomically\n"
	"  --metrics-interval S  every S seconds (15)\n"
	"  --mode M              auto, lsm or fmod_ret (auto)\n"
	"  --pin-dir DIR         folder of the pins (" ST_GUARD_PINS ")\n"
	"  --upgrade             put new programs in the place of loaded ones\n"
	"  --unload              remove all that is loaded and pinned, and end\n"
	"  -v, --verbose         tell of connections, events and libbpf's work\n"
	"  -V, --version         print the version\n"
	"  -h, --help            print this help\n"
	"\n"
	"Exit status: 0; 1 if something failed; 2 for bad usage. The manual is\n"
	"spawn-templated(8).\n";

static int bad_usage(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
static int bad_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("spawn-templated: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'spawn-templated --help'.\n", stderr);
	return BAD_USAGE;
}

static bool parse_number(const char *text, unsigned int least,
			 unsigned int most, unsigned int *number)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || n < least || n > most)
		return false;
	*number = (unsigned int)n;
	return true;
}

/* Takes a group by name or number. */
static bool parse_group(const char *text, int *gid)
{
	const struct group *group = getgrnam(text);
	unsigned int number;

	if (group) {
		*gid = (int)group->gr_gid;
		return true;
	}
	if (!parse_number(text, 0, INT_MAX, &number))
		return false;
	*gid = (int)number;
	return true;
}

static bool parse_mode(const char *text, int *mode)
{
	if (!strcmp(text, "auto"))
		*mode = 0;
	else if (!strcmp(text, "lsm"))
		*mode = ST_STATUS_LSM;
	else if (!strcmp(text, "fmod_ret"))
		*mode = ST_STATUS_FMOD_RET;
	else
		return false;
	return true;
}

/* Sets an option with a value. Return: -1; BAD_USAGE after a message. */
static int set_value(struct options *o, int c, const char *value)
{
	switch (c) {
	case OPT_SOCKET:
		o->socket_path = value;
		break;
	case OPT_GROUP:
		if (!parse_group(value, &o->gid))
			return bad_usage("there is no group '%s'", value);
		break;
	case OPT_INSPECT_GROUP:
		if (!parse_group(value, &o->inspect_gid))
			return bad_usage("there is no group '%s'", value);
		break;
	case OPT_QUOTA:
		if (!parse_number(value, 1, TEMPLATES_MAX, &o->quota))
			return bad_usage("--quota takes 1 to %d, not '%s'",
					 TEMPLATES_MAX, value);
		break;
	case OPT_METRICS_FILE:
		o->metrics_file = value;
		break;
	case OPT_METRICS_INTERVAL:
		if (!parse_number(value, 1, 86400, &o->metrics_seconds))
			return bad_usage("--metrics-interval takes 1 to 86400 "
					 "seconds, not '%s'",
					 value);
		break;
	case OPT_MODE:
		if (!parse_mode(value, &o->mode))
			return bad_usage("--mode takes auto, lsm or fmod_ret, "
					 "not '%s'",
					 value);
		break;
	default:
		o->pin_dir = value;
	}
	return -1;
}

static int set_option(struct options *o, int c)
{
	switch (c) {
	case OPT_UPGRADE:
		o->upgrade = true;
		return -1;
	case OPT_UNLOAD:
		o->unload = true;
		return -1;
	case 'v':
		o->verbose = true;
		return -1;
	case 'V':
		puts("spawn-templated " VERSION);
		return 0;
	case 'h':
		fputs(help, stdout);
		return 0;
	case '?':
	case ':':
		fputs("Try 'spawn-templated --help'.\n", stderr);
		return BAD_USAGE;
	default:
		return set_value(o, c, optarg);
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	const struct group *group;
	int c, ret;

	*options = (struct options){
		.gid = -1,
		.inspect_gid = -1,
		.quota = OPTIONS_QUOTA,
		.metrics_seconds = OPTIONS_METRICS_SECONDS,
	};
	while ((c = getopt_long(argc, argv, "vVh", long_options, NULL)) != -1) {
		ret = set_option(options, c);
		if (ret >= 0)
			return ret;
	}
	if (optind != argc)
		return bad_usage("'%s' is no option", argv[optind]);
	if (options->upgrade && options->unload)
		return bad_usage("--upgrade and --unload exclude each other");
	if (options->gid < 0 && (group = getgrnam(DEFAULT_GROUP)))
		options->gid = (int)group->gr_gid;
	return -1;
}
