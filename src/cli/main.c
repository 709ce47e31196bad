/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spawn-template: the table of commands, help, and the set-up and clean-up that
 * all commands need.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct command *const commands[] = {
	&cmd_run,  &cmd_batch, &cmd_mcp,  &cmd_stat, &cmd_doctor, &cmd_bench,
	&cmd_warm, &cmd_list,  &cmd_show, &cmd_top,  &cmd_stats,  &cmd_status,
};

static void print_usage(int fd)
{
	FILE *file = out_stream(fd);

	fputs("Usage: spawn-template COMMAND [OPTIONS] [ARGUMENTS]\n"
	      "       spawn-template help [COMMAND]\n"
	      "       spawn-template --version\n"
	      "\n"
	      "Launch programs through templates, and see what this machine "
	      "offers for it.\n"
	      "\n"
	      "Commands:\n",
	      file);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(file, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("  help     describe a command\n"
	      "\n"
	      "Every command takes --help, and --json to print JSON. The manual "
	      "is\n"
	      "spawn-template(1).\n",
	      file);
	fflush(file);
}

/*
 * Return the Levenshtein distance of two short words; long ones are far apart.
 */
static unsigned int distance(const char *a, const char *b)
{
	size_t rows = strlen(a), columns = strlen(b);
	unsigned int row[32];

	if (rows >= COUNT(row) || columns >= COUNT(row))
		return ~0U;
	for (unsigned int j = 0; j <= columns; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= rows; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= columns; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[columns];
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const struct command *near = NULL;
	unsigned int least = 3; /* more is no slip of the finger */

	for (size_t i = 0; i < COUNT(commands); i++) {
		unsigned int d = distance(commands[i]->name, name);

		if (d < least) {
			least = d;
			near = commands[i];
		}
	}
	if (near)
		out_error("unknown command '%s'; did you mean '%s'?", name,
			  near->name);
	else
		out_error("unknown command '%s'; programs are launched by "
			  "'run'",
			  name);
	out_try_help();
	return CLI_FAILED;
}

static int help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return out_bad_usage("help takes one command");
	if (argc < 2) {
		print_usage(STDOUT_FILENO);
		return 0;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	out_lines("%s", command->help);
	return 0;
}

/*
 * Open stand-ins for closed standard descriptors: a later descriptor must not
 * become 0, 1 or 2, where an error message would be written into it. The
 * stand-ins fail reads and writes as closed descriptors do, and a launched
 * program finds them closed. Without /dev/null, the root directory does.
 */
static void occupy_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) <
			    0)
			(void)!open("/", O_PATH | O_CLOEXEC);
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(STDERR_FILENO);
		return CLI_FAILED;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		out_lines("spawn-template " VERSION "\n");
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return out_bad_usage("unknown option '%s'", argv[1]);
	out_command = find_command(argv[1]);
	if (!out_command)
		return unknown_command(argv[1]);
	if (out_command->leaves_processes)
		return init_main(out_command, argc - 1, argv + 1);
	return out_command->main(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	occupy_stdio();
	return out_finish(dispatch(argc, argv));
}
