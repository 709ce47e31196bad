/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the command line tool share: the command table, exit
 * codes, output, and the words for what the library answers.
 *
 * A command parses its own options, prints to stdout, reports errors on stderr
 * and returns its exit status. main() flushes and checks stdout after it.
 */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spawn_template.h"

/* Exit codes: those of timeout(1) and env(1). */
#define CLI_TIMED_OUT 124 /* run: the time was up */
#define CLI_FAILED 125 /* the tool itself failed, or bad usage */
#define CLI_NOT_LAUNCHABLE 126 /* found, but cannot be launched */
#define CLI_NOT_FOUND 127 /* no such command */

#define CLI_PRINTF(f, a) __attribute__((format(printf, f, a)))

struct command {
	const char *name;
	const char *summary; /* one line, for the list of commands */
	const char *help; /* usage and options */
	int (*main)(int argc, char **argv);
};

extern const struct command cmd_run, cmd_batch, cmd_stat, cmd_doctor, cmd_bench;
extern const struct command cmd_list, cmd_show, cmd_top, cmd_stats, cmd_status;

/* output.c: text and JSON */

/* The command under way, named by errors; NULL before there is one. */
extern const struct command *out_command;

void out_error(const char *fmt, ...) CLI_PRINTF(1, 2);
void out_remedy(const char *fmt, ...) CLI_PRINTF(1, 2);

/* Print an error and where to find help. Return: CLI_FAILED */
int out_bad_usage(const char *fmt, ...) CLI_PRINTF(1, 2);

/* Report what getopt_long() did not accept. Return: CLI_FAILED */
int out_bad_option(int c, char **argv);

/*
 * The options of a command that has --json and --help only. Return: -1 to go on
 * with what optind is at, else the exit status.
 */
int out_json_option(int argc, char **argv, bool *json);

enum out_style { OUT_PLAIN, OUT_BOLD, OUT_GOOD, OUT_WARN, OUT_BAD };

/* The escape sequence of a style: "" unless stdout is a terminal that may have
 * colours. */
const char *out_style(enum out_style style);

/* Print text in lines of at most 80 columns: first at column, then behind
 * indent. */
void out_wrapped(int column, int indent, const char *text);

/* Print one line of a description: a label and what it is. */
void out_row(const char *label, const char *fmt, ...) CLI_PRINTF(2, 3);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
json_t *out_text(const char *text);

/* What a value that goes there is to be written with, among other flags. */
size_t out_json_flags(int fd);

/* Print a value, consume the reference. Return: 0, or CLI_FAILED with the
 * error reported. */
int out_json(FILE *file, json_t *value, size_t flags);

/* Flush stdout. Return: status, or CLI_FAILED if something was not written. */
int out_finish(int status);

/* names.c: words for numbers; there are more in ../stat_names.h */
const char *name_errno(int err); /* "ENOENT"; "E?" if unknown */
const char *name_signal(int sig); /* "SIGTERM"; "SIG?" if unknown */
const char *name_stage(unsigned int stage);
const char *name_state(unsigned int state);
const char *name_machine(unsigned int machine); /* NULL: unknown */

/* A short word for JSON and a sentence for people. */
const char *explain_by_path(unsigned int reason);

/* launch.c: making templates and explaining failures */

/* What a failed launch needs to be explained. */
struct launch_error {
	const char *command; /* as the user named it */
	const char *path; /* where it was found, or "" */
	const char *interpreter; /* of the template, or "" */
	const char *search; /* the path it was looked for on; NULL: $PATH */
	int error; /* positive errno */
	struct spawn_template_failure failure;
	const char *const *actions; /* a description of each action */
	size_t n_actions;
};

/* A failure in words. Both are owned; NULL: nothing to say, or no memory. */
struct launch_words {
	int status; /* the exit code */
	char *error, *remedy;
};

/* Make a template of a command found as execvp(3) does. Return: the fd, or
 * -errno. */
int launch_template(const char *command);

/* The same along another path than $PATH, with more SPAWN_TEMPLATE_CREATE_*. */
int launch_template_in(const char *command, const char *path, uint64_t flags);

/* Tell why a launch failed: at STAGE_ARGS also why no template could be made. */
void launch_say(const struct launch_error *e, struct launch_words *w);
void launch_words_free(struct launch_words *w);

/* Print it. Return: the exit code. */
int launch_explain(const struct launch_error *e);
int launch_explain_create(const char *command, int error);

/* The same for JSON. */
json_t *launch_error_json(const struct launch_error *e);

/* An open cgroup v2 directory, or -errno with the error told. With make, one in
 * which directories can be made. */
int open_cgroup(const char *option, const char *path, bool make);

/* How a template is launched: by fd or path, why, fallbacks taken. */
json_t *launch_json(const struct spawn_template_stat *st);

/* base64.c. Both return memory to free(), or NULL. */
char *base64_encode(const void *bytes, size_t n, size_t *length);
void *base64_decode(const char *text, size_t n, size_t *length, bool *invalid);

/* result.c: what became of a captured run, as JSON. Return: NULL without memory.
 * pid -1: not known. Takes what was cut off from a character at the end of
 * truncated output out of result. */
json_t *result_json(struct spawn_template_result *result, int pid);

/* stop.c: the signals that ask this tool to end */

/* Note HUP, INT, QUIT and TERM, unless they are ignored, from now on. After the
 * first, system calls that wait are interrupted again and again. */
void stop_watch(void);
int stop_signal(void); /* the first; 0: none yet */
int stop_count(void);
void stop_unwatch(void); /* no interruptions any more */

/* End by a signal, without a core dump. Return: as a last resort, an exit code. */
int end_by_signal(int sig);

/* time.c */
int64_t monotonic_ns(void);

/* Less than one is one: none at all would be no timeout. */
int64_t whole_ns(double ns);

/* Parse "1.5s", "200ms", "2m", "1h" or plain seconds. Return: 0 or -EINVAL. */
int parse_duration(const char *text, int64_t *ns);

/* Parse bytes: "4096", "64K", "16M", "1G", powers of 1024; 1 at least. Return: 0
 * or -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);

/* The same for the value of an option. Return: 0, or CLI_FAILED with the error
 * told. */
int read_duration(const char *option, const char *text, int64_t *ns);
int read_size(const char *option, const char *text, uint64_t *bytes);

/* Parse a whole number within bounds. Return: 0 or -EINVAL. */
int parse_number(const char *text, int base, long min, long max, long *value);

#endif
