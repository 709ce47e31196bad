/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tools, and the arguments that each takes: tools/list tells them as JSON Schema, and
 * calls are held to the same table.
 */
#include <errno.h>
#include <string.h>

#include "cli/mcp/mcp.h"

enum {
	RUN = 1,
	START = 2,
	BATCH = 4,
	READ = 8,
	WRITE = 16,
	WAIT = 32,
	RESIZE = 64,
	STOP = 128,
	LIST = 256
};

static const struct tool {
	const char *name, *title, *description;
	int bit;
	bool reads_only, destroys;
} tools[] = {
	{ "run", "Run a program",
	  "Run a program and wait for its end: \"argv\", or \"command\" for a "
	  "shell. If it takes longer than \"wait\", it goes on, and the answer "
	  "has a \"handle\" and the output so far.",
	  RUN, false, true },
	{ "batch", "Run many programs",
	  "Run many programs at a time, and return all results.", BATCH, false,
	  true },
	{ "start", "Start a program",
	  "Start a program in the background and return its \"handle\". It "
	  "ends at its deadline.",
	  START, false, true },
	{ "read", "Read output",
	  "Read output of a run from a position on, also after its end. With "
	  "\"wait\", wait for more.",
	  READ, true, false },
	{ "write", "Write input",
	  "Write to the standard input of a run that has \"open_input\", or "
	  "close it. In a terminal, \"\\n\" is Enter and \"\\u0003\" Ctrl-C.",
	  WRITE, false, true },
	{ "wait", "Wait for a run",
	  "Wait for the end of a run, and return its result.", WAIT, true,
	  false },
	{ "resize", "Resize a terminal",
	  "Set the size of the terminal of a run with \"pty\".", RESIZE, false,
	  false },
	{ "stop", "Stop a run",
	  "End a run with all processes that it has started, and return its "
	  "result.",
	  STOP, false, true },
	{ "list", "List runs", "List the runs that have a handle.", LIST, true,
	  false },
};

#define PROGRAM (RUN | START)
#define HANDLE (READ | WRITE | WAIT | RESIZE | STOP)

static const struct argument {
	const char *name;
	int tools, required;
	const char *type; /* one of types below */
	const char *description;
} arguments[] = {
	{ "argv", PROGRAM, 0, "strings",
	  "the program, looked for on PATH, and its arguments; no shell" },
	{ "command", PROGRAM, 0, "string",
	  "a command for a shell instead; if it is words alone, none is needed" },
	{ "shell", PROGRAM, 0, "string",
	  "the shell of \"command\"; default /bin/sh" },
	{ "cwd", PROGRAM, 0, "string", "the directory to start in" },
	{ "env", PROGRAM, 0, "environment",
	  "all variables, in place of the server's" },
	{ "setenv", PROGRAM, 0, "variables",
	  "variables to set, or to remove by null" },
	{ "input", PROGRAM, 0, "string",
	  "text for its standard input; else that is empty" },
	{ "input_base64", PROGRAM, 0, "string", "the same for any bytes" },
	{ "open_input", PROGRAM, 0, "boolean",
	  "keep its standard input open for the tool write" },
	{ "timeout", PROGRAM, 0, "duration",
	  "its deadline: seconds, or such as \"500ms\"; then its tree ends" },
	{ "idle_timeout", PROGRAM, 0, "duration",
	  "end it after so long without output" },
	{ "wait", RUN | BATCH | READ | WAIT | STOP, 0, "duration",
	  "how long to wait before answering without an end" },
	{ "max_output", PROGRAM, 0, "size",
	  "bytes kept of each stream, such as \"64K\"; default 256K" },
	{ "tail", PROGRAM, 0, "size",
	  "how many of these are the last ones; default half" },
	{ "spill", PROGRAM, 0, "string",
	  "an absolute directory, for files with the output that is not kept" },
	{ "merge_stderr", PROGRAM, 0, "boolean",
	  "standard error goes to \"out\", too" },
	{ "base64", PROGRAM | READ, 0, "boolean",
	  "output as \"out_base64\", exact also if it is no text" },
	{ "clean", PROGRAM, 0, "boolean",
	  "results have the text that a terminal would show: no escape "
	  "sequences, and the last state of progress bars" },
	{ "pty", PROGRAM, 0, "boolean", "run it in a terminal" },
	{ "rows", PROGRAM | RESIZE, RESIZE, "integer", "of the terminal" },
	{ "columns", PROGRAM | RESIZE, RESIZE, "integer", "of the terminal" },
	{ "sandbox", PROGRAM, 0, "object",
	  "{\"ro\": [PATH], \"rw\": [PATH], \"net\": false, ...}" },
	{ "limits", PROGRAM, 0, "object",
	  "{\"memory_max\": \"512M\", \"pids_max\": 100, \"cpu_max\": "
	  "\"150%\"}" },
	{ "keep_leftovers", PROGRAM, 0, "boolean",
	  "processes that it leaves behind live on" },
	{ "runs", BATCH, BATCH, "runs",
	  "the arguments of run for each, without \"wait\"" },
	{ "order", BATCH, 0, "order", "of the results; default request" },
	{ "handle", HANDLE, HANDLE, "string", "of the run" },
	{ "stream", READ, 0, "stream", "default out" },
	{ "cursor", READ, 0, "integer",
	  "the position, in bytes; default 0, the first byte" },
	{ "max_bytes", READ, 0, "integer", "default 65536" },
	{ "data", WRITE, 0, "string", "text to write" },
	{ "data_base64", WRITE, 0, "string", "the same for any bytes" },
	{ "close", WRITE, 0, "boolean", "close the input behind it" },
};

/* ---- types of arguments */

static bool is_strings(json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(value, i,
			   one) if (!json_is_string(one)) return false;
	return json_array_size(value) > 0;
}

static bool is_objects(json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(value, i,
			   one) if (!json_is_object(one)) return false;
	return json_array_size(value) > 0 &&
	       json_array_size(value) <= MCP_BATCH_MAX;
}

static bool is_one_of(json_t *value, const char *a, const char *b)
{
	const char *text = json_string_value(value);

	return text && (strcmp(text, a) == 0 || strcmp(text, b) == 0);
}

static bool is_order(json_t *value)
{
	return is_one_of(value, "request", "end");
}

static bool is_stream(json_t *value)
{
	return is_one_of(value, "out", "err");
}

static bool is_string(json_t *value)
{
	return json_is_string(value);
}

static bool is_boolean(json_t *value)
{
	return json_is_boolean(value);
}

static bool is_count(json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_object(json_t *value)
{
	return json_is_object(value);
}

static bool is_duration(json_t *value)
{
	return json_is_number(value) || json_is_string(value);
}

static bool is_size(json_t *value)
{
	return json_is_integer(value) || json_is_string(value);
}

static const struct type {
	const char *name, *schema;
	bool (*fits)(json_t *value);
} types[] = {
	{ "string", "{\"type\":\"string\"}", is_string },
	{ "boolean", "{\"type\":\"boolean\"}", is_boolean },
	{ "integer", "{\"type\":\"integer\",\"minimum\":0}", is_count },
	{ "object", "{\"type\":\"object\"}", is_object },
	{ "strings",
	  "{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
	  "\"minItems\":1}",
	  is_strings },
	{ "environment",
	  "{\"type\":\"object\",\"additionalProperties\":{"
	  "\"type\":\"string\"}}",
	  is_object },
	{ "variables",
	  "{\"type\":\"object\",\"additionalProperties\":{"
	  "\"type\":[\"string\",\"null\"]}}",
	  is_object },
	{ "duration", "{\"type\":[\"number\",\"string\"]}", is_duration },
	{ "size", "{\"type\":[\"integer\",\"string\"]}", is_size },
	{ "runs",
	  "{\"type\":\"array\",\"items\":{\"type\":\"object\"},"
	  "\"minItems\":1,\"maxItems\":256}",
	  is_objects },
	{ "order", "{\"type\":\"string\",\"enum\":[\"request\",\"end\"]}",
	  is_order },
	{ "stream", "{\"type\":\"string\",\"enum\":[\"out\",\"err\"]}",
	  is_stream },
};

static const struct type *type_of(const struct argument *a)
{
	const struct type *type = types;

	while (strcmp(a->type, type->name) != 0)
		type++;
	return type;
}

/* ---- schemas */

static const char error_schema[] =
	"\"error\":{\"type\":\"object\",\"properties\":{"
	"\"name\":{\"type\":\"string\"},\"errno\":{\"type\":\"integer\"},"
	"\"message\":{\"type\":\"string\"}},\"required\":[\"message\"]}";

#define TEXT "{\"type\":\"string\"}"
#define COUNT_OF "{\"type\":\"integer\",\"minimum\":0}"
#define FLAG "{\"type\":\"boolean\"}"
#define MAYBE(type) "{\"type\":[\"" type "\",\"null\"]}"

/* The members of a run, without the braces around them. */
static const char run_schema[] =
	"\"handle\":" TEXT ",\"running\":" FLAG
	",\"pid\":" MAYBE("integer") ",\"code\":" MAYBE("integer") ",\"signal\":" MAYBE(
		"string") ",\"timed_out\":" FLAG ",\"idle\":" FLAG
			  ",\"oom\":" FLAG ",\"cancelled\":" FLAG
			  ",\"leftovers\":" COUNT_OF ",\"not_killed\":" FLAG
			  ",\"pipe_held\":" FLAG ",\"warm\":" FLAG
			  ",\"out\":" TEXT ",\"err\":" TEXT
			  ",\"out_base64\":" TEXT ",\"err_base64\":" TEXT
			  ",\"out_total\":" COUNT_OF ",\"err_total\":" COUNT_OF
			  ",\"out_omitted\":" COUNT_OF
			  ",\"err_omitted\":" COUNT_OF
			  ",\"out_shortened\":" FLAG ",\"err_shortened\":" FLAG
			  ",\"out_replaced\":" FLAG ",\"err_replaced\":" FLAG
			  ",\"out_spill\":" TEXT ",\"err_spill\":" TEXT
			  ",\"total_ms\":{\"type\":\"number\"},\"memory_peak\":" MAYBE(
				  "integer") ",\"index\":" COUNT_OF
					     ",\"argv\":{\"type\":\"array\",\"items\":" TEXT
					     "},\"command\":" TEXT;

static json_t *output_schema(const struct tool *tool)
{
	static const char *const forms[] = {
		"{\"type\":\"object\",\"properties\":{%s,%s}}",
		"{\"type\":\"object\",\"properties\":{\"%s\":{\"type\":"
		"\"array\",\"items\":{\"type\":\"object\",\"properties\":{%s,"
		"%s}}},%s}}",
	};
	static const char others[] =
		"\"handle\":" TEXT ",\"stream\":" TEXT ",\"text\":" TEXT
		",\"base64\":" TEXT ",\"replaced\":" FLAG
		",\"cursor\":" COUNT_OF ",\"total\":" COUNT_OF
		",\"lost\":" COUNT_OF ",\"running\":" FLAG
		",\"written\":" COUNT_OF;
	char text[8192];

	if (tool->bit & (BATCH | LIST))
		snprintf(text, sizeof(text), forms[1],
			 tool->bit == LIST ? "runs" : "results", run_schema,
			 error_schema, error_schema);
	else
		snprintf(text, sizeof(text), forms[0],
			 tool->bit & (READ | WRITE | RESIZE) ? others
							     : run_schema,
			 error_schema);
	return json_loads(text, 0, NULL);
}

static json_t *argument_schema(const struct argument *a)
{
	json_t *schema = json_loads(type_of(a)->schema, 0, NULL);

	json_object_set_new(schema, "description", json_string(a->description));
	return schema;
}

static json_t *input_schema(const struct tool *tool)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < COUNT(arguments); i++) {
		const struct argument *a = &arguments[i];

		if (a->tools & tool->bit)
			json_object_set_new(properties, a->name,
					    argument_schema(a));
		if (a->required & tool->bit)
			json_array_append_new(required, json_string(a->name));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties",
			 properties, "required", required,
			 "additionalProperties", 0);
}

json_t *tools_make(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COUNT(tools); i++) {
		const struct tool *t = &tools[i];

		if (json_array_append_new(
			    list,
			    json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:b, s:b, "
				      "s:b, s:b}}",
				      "name", t->name, "title", t->title,
				      "description", t->description,
				      "inputSchema", input_schema(t),
				      "outputSchema", output_schema(t),
				      "annotations", "readOnlyHint",
				      t->reads_only, "destructiveHint",
				      t->destroys, "idempotentHint",
				      t->reads_only, "openWorldHint",
				      !t->reads_only))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- checking */

static void check_one(const struct tool *tool, const char *name, json_t *value,
		      struct complaint *c)
{
	for (size_t i = 0; i < COUNT(arguments); i++) {
		const struct argument *a = &arguments[i];

		if (!(a->tools & tool->bit) || strcmp(a->name, name) != 0)
			continue;
		if (!type_of(a)->fits(value))
			complain(c, EINVAL,
				 "\"%s\" is not as the schema of the tool %s "
				 "has it: %s",
				 name, tool->name, a->description);
		return;
	}
	complain(c, EINVAL, "the tool %s has no argument \"%.64s\"", tool->name,
		 name);
}

const char *tools_check(const char *name, json_t *values, struct complaint *c)
{
	const struct tool *tool = NULL;
	const char *key;
	json_t *value;

	c->error = 0;
	for (size_t i = 0; name && i < COUNT(tools); i++)
		if (strcmp(tools[i].name, name) == 0)
			tool = &tools[i];
	if (!tool)
		return NULL;
	json_object_foreach(values, key, value) if (!c->error)
		check_one(tool, key, value, c);
	for (size_t i = 0; i < COUNT(arguments) && !c->error; i++)
		if (arguments[i].required & tool->bit &&
		    !json_object_get(values, arguments[i].name))
			complain(c, EINVAL, "the tool %s needs \"%s\"",
				 tool->name, arguments[i].name);
	return tool->name;
}
