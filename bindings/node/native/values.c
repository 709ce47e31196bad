/* SPDX-License-Identifier: BSD-2-Clause */
/* JavaScript values: numbers, texts, and lists of texts. */
#include "native.h"

napi_value number_value(napi_env napi, double n)
{
	napi_value value = NULL;

	napi_create_double(napi, n, &value);
	return value;
}

napi_value undefined_value(napi_env napi)
{
	napi_value value = NULL;

	napi_get_undefined(napi, &value);
	return value;
}

napi_value throw_arguments(napi_env napi)
{
	bool pending = false;

	napi_is_exception_pending(napi, &pending);
	if (!pending)
		napi_throw_type_error(napi, "ERR_INVALID_ARG_TYPE",
				      "spawn_template: wrong arguments");
	return NULL;
}

/* Copies a string; the room in the structure is enough for most. */
static int take_string(struct text *t, napi_env napi, napi_value value)
{
	size_t len;

	if (napi_get_value_string_utf8(napi, value, NULL, 0, &len) != napi_ok)
		return -EINVAL;
	t->at = len < sizeof(t->room) ? t->room : malloc(len + 1);
	if (!t->at)
		return -ENOMEM;
	t->len = len;
	if (napi_get_value_string_utf8(napi, value, t->at, len + 1, &len) !=
	    napi_ok)
		return -EINVAL;
	return 0;
}

/* Copies a Buffer, too: others may change it, and a NUL must be at its end. */
static int take_buffer(struct text *t, napi_env napi, napi_value value)
{
	void *data;
	size_t len;

	if (napi_get_buffer_info(napi, value, &data, &len) != napi_ok)
		return -EINVAL;
	t->at = len < sizeof(t->room) ? t->room : malloc(len + 1);
	if (!t->at)
		return -ENOMEM;
	t->len = len;
	if (len)
		memcpy(t->at, data, len);
	t->at[len] = '\0';
	return 0;
}

int text_take(struct text *t, napi_env napi, napi_value value)
{
	napi_valuetype type;

	t->at = NULL;
	t->len = 0;
	if (napi_typeof(napi, value, &type) != napi_ok)
		return -EINVAL;
	if (type == napi_null || type == napi_undefined)
		return 0;
	return type == napi_string ? take_string(t, napi, value)
				   : take_buffer(t, napi, value);
}

void text_free(struct text *t)
{
	if (t->at != t->room)
		free(t->at);
	t->at = NULL;
}

int vector_take(struct vector *v, napi_env napi, napi_value value)
{
	size_t n = 0;
	int ret;

	v->list = NULL;
	ret = text_take(&v->text, napi, value);
	if (ret < 0 || !v->text.at)
		return ret;
	if (v->text.len && v->text.at[v->text.len - 1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < v->text.len; i++)
		n += v->text.at[i] == '\0';
	v->list = n < COUNT(v->room) ? v->room
				     : malloc((n + 1) * sizeof(*v->list));
	if (!v->list)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < v->text.len; i += strlen(v->text.at + i) + 1)
		v->list[n++] = v->text.at + i;
	v->list[n] = NULL;
	return 0;
}

void vector_free(struct vector *v)
{
	if (v->list != v->room)
		free(v->list);
	v->list = NULL;
	text_free(&v->text);
}
