/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A prepared Python: CPython, parked at the call of Py_RunMain(), when it is
 * initialised and has not begun with its program. Layouts that the library
 * shares with the stub in it.
 */
#ifndef ST_WARM_PYTHON_MESSAGE_H
#define ST_WARM_PYTHON_MESSAGE_H

#include <stdint.h>

/* Functions of CPython that the process exports, and two of libc's. X(name) */
#define WARM_PYTHON_SYMBOLS(X)          \
	X(Py_RunMain)                   \
	X(Py_GetVersion)                \
	X(_Py_GetConfig)                \
	X(PyConfig_InitPythonConfig)    \
	X(PyConfig_SetBytesArgv)        \
	X(PyConfig_Read)                \
	X(PyEval_GetBuiltins)           \
	X(PyDict_New)                   \
	X(PyDict_SetItemString)         \
	X(PyDict_GetItemString)         \
	X(PyRun_String)                 \
	X(PyBytes_AsString)             \
	X(PyBytes_Size)                 \
	X(PyBytes_FromStringAndSize)    \
	X(PyList_New)                   \
	X(PyList_SetItem)               \
	X(PyUnicode_FromWideChar)       \
	X(PyObject_CallFunctionObjArgs) \
	X(PyObject_IsTrue)              \
	X(PyOS_BeforeFork)              \
	X(PyOS_AfterFork_Child)         \
	X(environ)                      \
	X(__register_atfork)

#define WARM_PYTHON_ENUM(name) WARM_PYTHON_##name,
enum warm_python_symbol { WARM_PYTHON_SYMBOLS(WARM_PYTHON_ENUM) WARM_PYTHON_N };

#define WARM_PYTHON_HANDLERS 16
#define WARM_PYTHON_MINOR_FIRST 9 /* CPython 3.9 */
#define WARM_PYTHON_MINORS 6

/* Offsets in PyConfig, which differ between the minor versions. */
struct warm_python_layout {
	uint16_t argv, run_command, run_module, run_filename, orig_argv;
};

/* The result of the stub's part of the preparation. */
enum warm_python_state {
	WARM_PYTHON_READY = 1,
	WARM_PYTHON_UNKNOWN, /* not a PyConfig as it is known */
	WARM_PYTHON_RAISED, /* such as a module that cannot be imported */
};

struct warm_python {
	uint64_t python; /* 0: the program is no prepared Python */
	uint64_t registers[8]; /* rbx rbp r12 r13 r14 r15 rsp rip */
	uint64_t environ, n_environ; /* the initial array of variables */
	uint64_t symbol[WARM_PYTHON_N]; /* addresses */
	uint64_t source; /* the text that prepares it */
	uint64_t argc;
	/* handlers of libraries for fork: before it, and in the child */
	uint64_t n_handlers;
	uint64_t before[WARM_PYTHON_HANDLERS], child[WARM_PYTHON_HANDLERS];
	struct warm_python_layout layouts[WARM_PYTHON_MINORS];
	struct {
		char builtins[16], take[8], files[8];
	} names; /* the stub has no constants */
	/* noted by the stub */
	uint64_t state;
	uint64_t minor;
	uint64_t take; /* the function that takes a launch */
	uint64_t files, files_len; /* paths, each with a NUL behind it */
};

/* One launch, with addresses of the child. */
struct warm_python_command {
	uint64_t argv, argc;
	uint64_t variables, variables_len; /* the environment's strings */
	uint64_t path; /* of the file, to be executed after all */
};

#endif
