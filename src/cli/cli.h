/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface between the parts of the command line tool: the command table,
 * exit codes, output, and words for the library's answers.
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

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CLI_PRINTF(f, a) __attribute__((format(printf, f, a)))

struct command {
	const char *name;
	const char *summary; /* one line, for the list of commands */
	const char *help; /* usage and options */
	int (*main)(int argc, char **argv);
	bool leaves_processes; /* it launches what may leave some behind */
};

extern const struct command cmd_run, cmd_batch, cmd_stat, cmd_doctor, cmd_bench;
extern const struct command cmd_warm, cmd_mcp;
extern const struct command cmd_list, cmd_show, cmd_top, cmd_stats, cmd_status;

/* output.c: text and JSON */

/* The command under way, for error messages; NULL before there is one. */
extern const struct command *out_command;

/*
 * All text that these functions print is made safe: control characters, and what else
 * text_safe() replaces, become "?". Only out_lines() leaves newlines as they are.
 */
void out_error(const char *fmt, ...) CLI_PRINTF(1, 2);
void out_remedy(const char *fmt, ...) CLI_PRINTF(1, 2);

/* Print an error and where to find help. Return: CLI_FAILED */
int out_bad_usage(const char *fmt, ...) CLI_PRINTF(1, 2);

/* Say on stderr how to get help. */
void out_try_help(void);

/* Report what getopt_long() did not accept. Return: CLI_FAILED */
int out_bad_option(int c, char **argv);

/*
 * Read the options of a command that has only --json and --help.
 * Return: -1 to go on with the arguments from optind on; else the exit status.
 */
int out_json_option(int argc, char **argv, bool *json);

enum out_style { OUT_PLAIN, OUT_BOLD, OUT_GOOD, OUT_WARN, OUT_BAD };

/*
 * Return the escape sequence of a style, or "" unless stdout is a terminal that
 * may have colours.
 */
const char *out_style(enum out_style style);

/* Print part of a line on stdout. */
void out_styled(enum out_style style, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Print whole lines or parts; none with text of others that may have newlines. */
void out_lines(const char *fmt, ...) CLI_PRINTF(1, 2);

/*
 * Print text in lines of at most 80 columns, the first one from column on, the
 * others behind indent.
 */
void out_wrapped(int column, int indent, const char *text);

/* Print one line of a description: a label and its value. */
void out_row(const char *label, const char *fmt, ...) CLI_PRINTF(2, 3);
void out_row_styled(const char *label, enum out_style style, const char *word,
		    const char *text);

/*
 * Return the stream onto stdout or stderr for tables and the like, whose text is safe
 * already.
 */
FILE *out_stream(int fd);

/*
 * Write all, and wait where fd does not block. Give up if more than so many signals have
 * asked this tool to end (stop_watch()).
 * Return: 0, or a positive errno; ECANCELED: given up.
 */
int out_write(int fd, const char *text, size_t n, int stops);

/* Make a JSON number; null if it is negative. */
json_t *out_number(int n);

/* Make a JSON string of any bytes; bytes that are not UTF-8 become U+FFFD. */
json_t *out_text(const char *text);

/* Return the flags for JSON to fd: ASCII only on a terminal. */
size_t out_json_flags(int fd);

/*
 * Print a value to stdout or stderr, consume the reference.
 * Return: 0, or CLI_FAILED.
 */
int out_json(int fd, json_t *value, size_t flags);

/* Flush stdout. Return: status, or CLI_FAILED if something was not written. */
int out_finish(int status);

/* names.c: words for numbers; stat_names.h has more */
const char *name_errno(int err); /* "ENOENT"; "E?" if unknown */
const char *name_signal(int sig); /* "SIGTERM"; "SIG?" if unknown */
const char *name_stage(unsigned int stage);
const char *name_state(unsigned int state);
const char *name_machine(unsigned int machine); /* NULL: unknown */

/* A short word for JSON and a sentence for people. */
const char *explain_by_path(unsigned int reason);

/* launch.c: making templates and explaining failures */

/* The facts that explain a failed launch. */
struct launch_error {
	const char *command; /* the user's name for it */
	const char *path; /* the path found, or "" */
	const char *interpreter; /* the template's, or "" */
	const char *cwd; /* the directory of the action "cwd"; NULL: none */
	bool one_of_many; /* answers: none repeats $PATH */
	bool sandboxed; /* with lists of paths, maybe */
	int error; /* positive errno */
	struct spawn_template_failure failure;
	const char *const *actions; /* a description of each action */
	size_t n_actions;
};

/* A failure in words, which the caller frees. NULL: no words, or no memory. */
struct launch_words {
	int status; /* the exit code */
	char *error, *remedy;
};

/*
 * Make a template of a command, found as by execvp(3); with flags, SPAWN_TEMPLATE_CREATE_*,
 * besides those of the command.
 * Return: the fd, or -errno.
 */
int launch_template(const char *command, uint64_t flags);

/* ---- way.c: the ways in which launches are prepared */

/*
 * Read the value of --warm: "once", "fork" or "python"; NULL: "python".
 * Return: 0 and the CREATE_WARM_* flags; or CLI_FAILED after a message.
 */
int read_warm(const char *text, uint64_t *create_flag);

/*
 * Return the CREATE_WARM_* flags of the word; 0: another word. With "python" a program
 * that is no Python is prepared by fork.
 */
uint64_t warm_flag(const char *word);

/* Tell whether the text lists modules for a Python, with commas. */
bool is_module_list(const char *text);

/* Read the value of --modules. Return: 0; or CLI_FAILED after a message. */
int read_modules(const char *text, const char **modules);

/* Tell whether the command's name is that of a Python: python, python3.11 ... */
bool names_python(const char *command);

/*
 * Read the value of --profile, a path that may be relative. Return: 0 and the absolute
 * path; or CLI_FAILED after a message.
 */
int read_profile_path(const char *text, const char **profile);

/*
 * Make a template as launch_template() does. CREATE_WARM_RUNTIME is for a session shell,
 * with an absolute path to source, or for a Python, with modules or NULL; another program
 * is prepared by the other flag.
 */
int launch_template_warm(const char *command, uint64_t flags,
			 const char *preload);

/* ---- more of launch.c */

/*
 * Choose what to tell of a search along path (NULL: $PATH) that answered tfd.
 * Return: tfd, or another -errno.
 */
int launch_searched(int tfd, const char *command, const char *path);

/* Explain why a launch, or at STAGE_ARGS the making of a template, failed. */
void launch_say(const struct launch_error *e, struct launch_words *w);
void launch_words_free(struct launch_words *w);

/* Print the explanation. Return: the exit code. */
int launch_explain(const struct launch_error *e);
int launch_explain_create(const char *command, int error);

/* Explain it in JSON. */
json_t *launch_error_json(const struct launch_error *e);

/*
 * Open a cgroup v2 directory; with make, one that new directories can be made
 * in.
 * Return: the fd, or -errno after a message.
 */
int open_cgroup(const char *option, const char *path, bool make);

/* Describe how a template is launched: by fd or path, why, fallbacks taken. */
json_t *launch_json(const struct spawn_template_stat *st);

/* Say why no ring could be made; err is positive. Return: CLI_FAILED */
int launch_no_ring(int err);

/* base64.c. Both return memory that the caller frees, or NULL. */
char *base64_encode(const void *bytes, size_t n, size_t *length);
void *base64_decode(const char *text, size_t n, size_t *length, bool *invalid);

/* result.c: describes captured runs as JSON */

struct result_form {
	bool streamed; /* there is no output */
	bool tailed; /* truncated output is the first .head bytes, and the last ones */
	size_t head;
};

/* Note that a run keeps a tail; 0: the defaults of run_args. */
void result_set_tail(struct result_form *form, uint64_t max_output,
		     uint64_t tail);

/*
 * Describe a run. pid -1: unknown. It removes from result the parts of characters that
 * truncation cut off.
 * Return: NULL if memory is short.
 */
json_t *result_json(struct spawn_template_result *result, int pid,
		    const struct result_form *form);

/* Set keys[0] to the bytes if they are UTF-8, or else keys[1] to base64. Return: 0 or -1. */
int result_set_bytes(json_t *object, const char *const keys[2],
		     const char *bytes, size_t n);

/* Return how many bytes at the end are of a character that goes on behind them. */
size_t result_cut_character(const char *bytes, size_t n);

/*
 * init.c: do a command whose programs may leave processes behind; as process 1, reap
 * these. Return: the exit code.
 */
int init_main(const struct command *command, int argc, char **argv);

/* stop.c: the signals that ask this tool to end */

/*
 * Begin to note HUP, INT, QUIT and TERM, except those that are ignored. After
 * the first one, system calls that wait are interrupted again and again.
 */
void stop_watch(void);
int stop_signal(void); /* the first; 0: none so far */
int stop_count(void);
void stop_unwatch(void); /* end the interruptions */

/*
 * End by a signal, without a core dump.
 * Return: an exit code, if the signal did not end the process.
 */
int end_by_signal(int sig);

/* time.c */
/* Convert to whole ns, at least 1, since 0 would mean no timeout. */
int64_t whole_ns(double ns);

/* Parse "1.5s", "200ms", "2m", "1h" or plain seconds. Return: 0 or -EINVAL. */
int parse_duration(const char *text, int64_t *ns);

/*
 * Parse bytes: "4096", "64K", "16M", "1G", powers of 1024; at least 1.
 * Return: 0 or -EINVAL.
 */
int parse_size(const char *text, uint64_t *bytes);

/*
 * Do the same for the value of an option.
 * Return: 0, or CLI_FAILED after a message.
 */
int read_duration(const char *option, const char *text, int64_t *ns);
int read_held(const char *option, const char *text, uint64_t *ns);
int read_size(const char *option, const char *text, uint64_t *bytes);

/* Parse a whole number within bounds. Return: 0 or -EINVAL. */
int parse_number(const char *text, int base, long min, long max, long *value);

#endif
