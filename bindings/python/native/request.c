/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the arguments that methods of a template and of a ring share. */
#include <stdarg.h>

#include "native.h"

int request_parse(PyObject *args, PyObject *kwargs, bool of_ring,
		  const char *format, char **names, ...)
{
	va_list targets;
	int ok;

	va_start(targets, names);
	/* skip template and token */
	for (int i = 0; !of_ring && i < 2; i++) {
		(void)va_arg(targets, PyObject **);
		format++;
		names++;
	}
	ok = PyArg_VaParseTupleAndKeywords(args, kwargs, format, names,
					   targets);
	va_end(targets);
	return ok ? 0 : -1;
}
