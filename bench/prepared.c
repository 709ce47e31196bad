/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures launches that are prepared ahead against those that are not, and against
 * posix_spawn: see prepared.h. All methods take turns in one run, and every number
 * printed was measured in this run.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "outputs.h"
#include "prepared.h"
#include "shared/measure/number.h"

struct options {
	unsigned int seconds, threads, gib;
	bool check, json;
	const char *out, *serve;
};

static const char usage[] =
	"usage: prepared [options]\n"
	"\n"
	"Compares launches from CREATE_WARM_ONCE and CREATE_WARM_FORK templates\n"
	"with launches from a plain template and with posix_spawn.\n"
	"\n"
	"  --short        the time for continuous integration\n"
	"  --seconds N    at most so long (240; short: 30)\n"
	"  --check        fail if fork is over 0.9 of posix_spawn's time to exit\n"
	"                 for certain, or serves less than half of the launches;\n"
	"                 or if a session shell is over 0.15 of bash -lc's time\n"
	"  --out DIR      write prepared.json, prepared.md and prepared.dat there\n"
	"  --json         print JSON in place of tables\n"
	"  --serve WAY    be the process of a way: see 'ring --help'\n"
	"  --help         print this\n"
	"\n"
	"Exit status: 0; 1 it could not be measured; 2 wrong usage; 3 --check\n"
	"found a regression.\n";

static const struct option longs[] = {
	{ "short", no_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "check", no_argument, NULL, 'c' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "serve", required_argument, NULL, 'w' },
	/* the processes of the ways are started with these */
	{ "gib", required_argument, NULL, 'g' },
	{ "threads", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_option(struct options *o, int c)
{
	switch (c) {
	case 's':
		o->seconds = 30;
		return 0;
	case 't':
		return number_parse("prepared", optarg, 86400, &o->seconds);
	case 'c':
		o->check = true;
		return 0;
	case 'o':
		o->out = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'w':
		o->serve = optarg;
		return 0;
	case 'g':
	case 'n':
		return 0;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -1;
	}
}

static int parse_options(struct options *o, int argc, char **argv)
{
	int c, err = 0;

	o->seconds = 240;
	while (!err && (c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		err = parse_option(o, c);
	if (!err && optind == argc)
		return 0;
	fprintf(stderr, "Try 'prepared --help'.\n");
	return -1;
}

static int write_files(const struct prepared *p, const char *dir)
{
	struct outputs o;
	int ret, err = outputs_open(&o, dir, "prepared");

	if (!err) {
		err = prepared_json(p, o.json);
		prepared_markdown(p, o.markdown);
		prepared_columns(p, o.columns);
	}
	ret = outputs_close(&o);
	return err ? err : ret;
}

static int measure(struct prepared *p, double seconds)
{
	int err;

	machine_describe(&p->machine);
	err = ease_measure(p, seconds * 0.45);
	if (!err)
		err = session_measure(p, seconds * 0.1);
	return err ? err : flight_measure(p, seconds * 0.45);
}

int main(int argc, char **argv)
{
	static struct prepared p;
	struct options o = { 0 };
	int err;

	if (parse_options(&o, argc, argv))
		return 2;
	if (o.serve)
		return ways_serve(o.serve, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	err = measure(&p, o.seconds);
	if (!err && o.json)
		err = prepared_json(&p, stdout);
	else if (!err)
		prepared_markdown(&p, stdout);
	if (!err && o.out)
		err = write_files(&p, o.out);
	if (err) {
		fprintf(stderr, "prepared: %s\n", strerror(-err));
		return 1;
	}
	return o.check && prepared_regressions(&p, stderr) ? 3 : 0;
}
