/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ring: many launches and runs without blocking, for an event loop.
 */
#include "native.h"
#include "structmember.h"

struct ring {
	PyObject_HEAD
	int x;
};

static PyType_Slot slots[] = {
	{ Py_tp_doc, "Ring(entries, *, threads=0)" },
	{ 0, NULL },
};

PyType_Spec ring_spec = {
	.name = "spawn_template._native.Ring",
	.basicsize = sizeof(struct ring),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};
