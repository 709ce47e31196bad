/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of the stub: prepares an initialised Python to be forked, and makes a
 * fork the Python of one launch. What can be done in Python is in
 * python_source.c; the interpreter itself reads the command line.
 */
#ifndef ST_WARM_PYTHON_STUB_H
#define ST_WARM_PYTHON_STUB_H

#define PY_AT(p, name, type) ((type *)(p)->symbol[WARM_PYTHON_##name])

#define PY_FILE_INPUT 257
/* The size of PyConfig in any version, and more. */
#define PY_CONFIG_WORDS 128

struct py_status {
	int type;
	const char *function, *message;
	int code;
};

struct py_wide_list {
	int64_t length;
	const int32_t **items;
};

typedef void *py_object_fn(void);
typedef void py_plain_fn(void);
typedef const char *py_text_fn(void);
typedef int py_set_fn(void *, const char *, void *);
typedef void *py_get_fn(void *, const char *);
typedef void *py_run_fn(const char *, int, void *, void *);
typedef char *py_bytes_fn(void *);
typedef int64_t py_size_fn(void *);
typedef int py_true_fn(void *);
typedef void *py_make_fn(const void *, int64_t);
typedef void *py_list_fn(int64_t);
typedef int py_put_fn(void *, int64_t, void *);
typedef void *py_call_fn(void *, ...);
typedef void py_init_fn(void *);
typedef struct py_status py_argv_fn(void *, int64_t, char *const *);
typedef struct py_status py_read_fn(void *);

/* ---- preparation */

/* Reads N of the version "3.N...". */
INLINE uint64_t python_minor(const char *version)
{
	uint64_t minor = 0;

	if (version[0] != '3' || version[1] != '.')
		return 0;
	for (version += 2; *version >= '0' && *version <= '9'; version++)
		minor = minor * 10 + (uint64_t)(*version - '0');
	return minor;
}

INLINE void *python_field(void *config, uint16_t offset)
{
	return (char *)config + offset;
}

INLINE const struct warm_python_layout *
python_layout(const struct warm_python *p)
{
	return &p->layouts[p->minor - WARM_PYTHON_MINOR_FIRST];
}

/*
 * Tells whether the fields of PyConfig are where they should be, by their contents:
 * the process was started with the source behind -c.
 */
INLINE bool python_is_known(struct warm_python *p)
{
	const struct warm_python_layout *at;
	const struct py_wide_list *argv, *orig;
	const char *text = (const char *)p->source;
	const int32_t *command;
	void *config;

	p->minor = python_minor(PY_AT(p, Py_GetVersion, py_text_fn)());
	if (p->minor < WARM_PYTHON_MINOR_FIRST ||
	    p->minor >= WARM_PYTHON_MINOR_FIRST + WARM_PYTHON_MINORS)
		return false;
	at = python_layout(p);
	config = PY_AT(p, _Py_GetConfig, py_object_fn)();
	argv = python_field(config, at->argv);
	orig = python_field(config, at->orig_argv);
	if (argv->length != 1 || orig->length != (int64_t)p->argc ||
	    *(void **)python_field(config, at->run_module) ||
	    *(void **)python_field(config, at->run_filename))
		return false;
	command = *(const int32_t **)python_field(config, at->run_command);
	for (int i = 0; command && i < 16; i++)
		if (command[i] != text[i])
			return false;
	return command;
}

/* Runs the source, and notes what it leaves. */
INLINE bool python_run(struct warm_python *p)
{
	void *globals = PY_AT(p, PyDict_New, py_object_fn)(), *files;

	if (!globals)
		return false;
	PY_AT(p, PyDict_SetItemString, py_set_fn)
	(globals, p->names.builtins,
	 PY_AT(p, PyEval_GetBuiltins, py_object_fn)());
	if (!PY_AT(p, PyRun_String, py_run_fn)((const char *)p->source,
					       PY_FILE_INPUT, globals, globals))
		return false;
	p->take = (uint64_t)PY_AT(p, PyDict_GetItemString,
				  py_get_fn)(globals, p->names.take);
	files = PY_AT(p, PyDict_GetItemString, py_get_fn)(globals,
							  p->names.files);
	if (!p->take || !files)
		return false;
	p->files = (uint64_t)PY_AT(p, PyBytes_AsString, py_bytes_fn)(files);
	p->files_len = (uint64_t)PY_AT(p, PyBytes_Size, py_size_fn)(files);
	return true;
}

INLINE enum warm_python_state python_prepare(struct warm_python *p)
{
	if (!python_is_known(p))
		return WARM_PYTHON_UNKNOWN;
	if (!python_run(p))
		return WARM_PYTHON_RAISED;
	PY_AT(p, PyOS_BeforeFork, py_plain_fn)();
	for (uint64_t i = p->n_handlers; i--;)
		if (p->before[i])
			((py_plain_fn *)p->before[i])();
	return WARM_PYTHON_READY;
}

/* ---- a fork */

/* Does in the child what fork(2) of libc and os.fork() of Python do there. */
INLINE void python_after_fork(const struct warm_python *p)
{
	for (uint64_t i = 0; i < p->n_handlers; i++)
		if (p->child[i])
			((py_plain_fn *)p->child[i])();
	PY_AT(p, PyOS_AfterFork_Child, py_plain_fn)();
}

/* ---- one launch */

/* Points the initial array at the strings that the launch has put there. */
INLINE void python_take_environ(const struct warm_python *p,
				const struct warm_python_command *c)
{
	char **variable = (char **)p->environ, *at = (char *)c->variables;

	for (uint64_t i = 0; i < p->n_environ; i++) {
		variable[i] = at;
		while (*at++)
			;
	}
	*PY_AT(p, environ, char **) = variable;
}

/*
 * Becomes the Python of a cold launch. Python ignores two signals, and catches one:
 * that one must find the default, once signals are let in.
 */
_Noreturn INLINE void python_exec(const struct warm_python *p,
				  const struct warm_python_command *c,
				  uint64_t mask)
{
	struct sys_sigaction act, old;

	act.handler = 0;
	act.flags = 0;
	act.restorer = 0;
	act.mask = 0;
	sys_sigaction(SIGPIPE, &act, 0);
	sys_sigaction(SIGXFSZ, &act, 0);
	if (sys_sigaction(SIGINT, 0, &old) == 0 && old.handler > 1)
		sys_sigaction(SIGINT, &act, 0);
	sys_sigmask(&mask, 0);
	sys_execve((const char *)c->path, (char **)c->argv,
		   (char **)p->environ);
	sys_exit(127);
}

INLINE void *python_list(const struct warm_python *p,
			 const struct py_wide_list *from)
{
	void *list = PY_AT(p, PyList_New, py_list_fn)(from->length);

	for (int64_t i = 0; list && i < from->length; i++)
		PY_AT(p, PyList_SetItem, py_put_fn)
	(list, i,
	 PY_AT(p, PyUnicode_FromWideChar, py_make_fn)(from->items[i], -1));
	return list;
}

/* Tells whether Python would ask for input at a terminal. */
INLINE bool python_is_interactive(const struct warm_python_layout *at,
				  void *config)
{
	char termios[64];

	return !*(void **)python_field(config, at->run_command) &&
	       !*(void **)python_field(config, at->run_module) &&
	       !*(void **)python_field(config, at->run_filename) &&
	       sys_call3(__NR_ioctl, 0, 0x5401 /* TCGETS */, termios) == 0;
}

INLINE void python_move(void *to, void *from, uint16_t offset, int words)
{
	uint64_t *a = python_field(to, offset), *b = python_field(from, offset);

	for (int i = 0; i < words; i++)
		a[i] = b[i];
}

/*
 * Has the interpreter read the command line, and hands the result over to the
 * configuration by which Py_RunMain() goes.
 */
INLINE bool python_take_config(const struct warm_python *p,
			       const struct warm_python_command *c)
{
	const struct warm_python_layout *at = python_layout(p);
	uint64_t config[PY_CONFIG_WORDS];
	void *live = PY_AT(p, _Py_GetConfig, py_object_fn)();
	struct py_status status;

	PY_AT(p, PyConfig_InitPythonConfig, py_init_fn)(config);
	status = PY_AT(p, PyConfig_SetBytesArgv, py_argv_fn)(
		config, (int64_t)c->argc, (char *const *)c->argv);
	if (status.type)
		return false;
	status = PY_AT(p, PyConfig_Read, py_read_fn)(config);
	if (status.type || python_is_interactive(at, config))
		return false;
	python_move(live, config, at->run_command, 1);
	python_move(live, config, at->run_module, 1);
	python_move(live, config, at->run_filename, 1);
	python_move(live, config, at->argv, 2);
	python_move(live, config, at->orig_argv, 2);
	return true;
}

INLINE bool python_call_take(const struct warm_python *p,
			     const struct warm_python_command *c)
{
	const struct warm_python_layout *at = python_layout(p);
	void *live = PY_AT(p, _Py_GetConfig, py_object_fn)();
	void *argv = python_list(p, python_field(live, at->argv));
	void *orig = python_list(p, python_field(live, at->orig_argv));
	void *env = PY_AT(p, PyBytes_FromStringAndSize, py_make_fn)(
		(const void *)c->variables, (int64_t)c->variables_len);
	void *took = 0;

	if (argv && orig && env)
		took = PY_AT(p, PyObject_CallFunctionObjArgs, py_call_fn)(
			(void *)p->take, argv, orig, env, (void *)0);
	return took && PY_AT(p, PyObject_IsTrue, py_true_fn)(took) == 1;
}

/* Returns with all done but the call of Py_RunMain(). */
INLINE void become_python(const struct warm_python *p,
			  const struct warm_python_command *c, uint64_t mask)
{
	python_take_environ(p, c);
	if (!python_take_config(p, c) || !python_call_take(p, c))
		python_exec(p, c, mask);
}

#endif
