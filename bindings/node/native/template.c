/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates, by their descriptors. */
#include "native.h"

/* ---- making one */

/* The library searches; a template with a number of processes is made by path then. */
static int make(const char *name, const char *path, uint64_t flags,
		uint32_t warm_target, const char *preload)
{
	struct spawn_template_create_args args =
		SPAWN_TEMPLATE_CREATE_ARGS_INIT;
	struct spawn_template_stat st;
	uint64_t warm = SPAWN_TEMPLATE_CREATE_WARM_ONCE |
			SPAWN_TEMPLATE_CREATE_WARM_FORK |
			SPAWN_TEMPLATE_CREATE_WARM_RUNTIME;
	int tfd, ret;

	if (!(flags & warm))
		return spawn_template_search(name, path, flags);
	tfd = spawn_template_search(
		name, path,
		flags & ~(warm | SPAWN_TEMPLATE_CREATE_GUARD |
			  SPAWN_TEMPLATE_CREATE_DENY_WRITE));
	if (tfd < 0)
		return tfd;
	ret = spawn_template_stat(tfd, &st, sizeof(st));
	spawn_template_close(tfd);
	if (ret < 0)
		return ret;
	args.flags = flags;
	args.filename = (uintptr_t)st.path;
	args.warm_target = warm_target;
	args.warm_preload = (uintptr_t)preload;
	return spawn_template_create(&args, sizeof(args));
}

/* template_make(name, searchPath, flags, warmTarget, warmPreload): fd or -errno */
napi_value template_make(napi_env napi, napi_callback_info info)
{
	struct text name, path, preload;
	napi_value args[5];
	uint32_t warm_target;
	size_t n = 5;
	double flags;
	int ret;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 5 || napi_get_value_double(napi, args[2], &flags) != napi_ok ||
	    napi_get_value_uint32(napi, args[3], &warm_target) != napi_ok)
		return throw_arguments(napi);
	ret = text_take(&name, napi, args[0]);
	ret = text_take(&path, napi, args[1]) < 0 ? -EINVAL : ret;
	ret = text_take(&preload, napi, args[4]) < 0 ? -EINVAL : ret;
	if (ret == 0)
		ret = name.at ? make(name.at, path.at,
				     (uint64_t)flags |
					     SPAWN_TEMPLATE_CREATE_CLOEXEC,
				     warm_target, preload.at)
			      : -EINVAL;
	text_free(&name);
	text_free(&path);
	text_free(&preload);
	if (ret >= 0 && owned_add(env_of(napi), ret, NOT_CACHED) < 0) {
		spawn_template_close(ret);
		ret = -ENOMEM;
	}
	return number_value(napi, ret);
}

/* ---- calls that take the descriptor only */

static bool take_fd(napi_env napi, napi_callback_info info, int32_t *tfd)
{
	napi_value arg;
	size_t n = 1;

	napi_get_cb_info(napi, info, &n, &arg, NULL, NULL);
	return napi_get_value_int32(napi, arg, tfd) == napi_ok;
}

static napi_value by_fd(napi_env napi, napi_callback_info info, int (*fn)(int))
{
	int32_t tfd;

	if (!take_fd(napi, info, &tfd))
		return throw_arguments(napi);
	return number_value(napi, fn(tfd));
}

napi_value template_close(napi_env napi, napi_callback_info info)
{
	int32_t tfd;

	if (!take_fd(napi, info, &tfd))
		return throw_arguments(napi);
	return number_value(napi, owned_close(env_of(napi), tfd, NOT_CACHED));
}

napi_value template_check(napi_env napi, napi_callback_info info)
{
	return by_fd(napi, info, spawn_template_check);
}

napi_value template_refresh(napi_env napi, napi_callback_info info)
{
	return by_fd(napi, info, spawn_template_refresh);
}

/* ---- stat */

static void set_number(napi_env napi, napi_value object, const char *name,
		       double n)
{
	napi_set_named_property(napi, object, name, number_value(napi, n));
}

static void set_text(napi_env napi, napi_value object, const char *name,
		     const char *text)
{
	napi_value value;

	if (text && *text)
		napi_create_string_utf8(napi, text, NAPI_AUTO_LENGTH, &value);
	else
		napi_get_null(napi, &value);
	napi_set_named_property(napi, object, name, value);
}

static const char *word(const char *const *words, size_t n, uint32_t i)
{
	return i < n ? words[i] : "unknown";
}

/* Sets the counts that are not 0, by name. */
static void set_reasons(napi_env napi, napi_value object,
			const struct spawn_template_stat *st)
{
	static const char *const words[] = {
		"first",   "notReady",	  "busy",    "flags",	  "descriptors",
		"argv0",   "environment", "files",   "inherited", "sandbox",
		"program", "lost",	  "guarded", "command",
	};
	napi_value reasons;

	napi_create_object(napi, &reasons);
	for (uint32_t i = 0; i < SPAWN_TEMPLATE_COLD_REASONS_MAX; i++)
		if (st->cold_reasons[i])
			set_number(napi, reasons, word(words, COUNT(words), i),
				   (double)st->cold_reasons[i]);
	napi_set_named_property(napi, object, "coldReasons", reasons);
}

static napi_value stat_object(napi_env napi,
			      const struct spawn_template_stat *st)
{
	static const char *const formats[] = { "unknown", "elf", "script",
					       "other" };
	static const char *const stale[] = { NULL, "file changed", "path gone",
					     "path replaced", "guard" };
	napi_value object, flag;

	napi_create_object(napi, &object);
	set_text(napi, object, "path", st->path);
	set_text(napi, object, "format", word(formats, 4, st->format));
	set_text(napi, object, "interpreter", st->interpreter);
	set_text(napi, object, "state", st->state ? "stale" : "fresh");
	set_text(napi, object, "staleReason", word(stale, 5, st->stale_reason));
	set_text(napi, object, "launchBy",
		 st->launch_by == SPAWN_TEMPLATE_LAUNCH_BY_FD ? "fd" : "path");
	napi_get_boolean(napi, st->guarded, &flag);
	napi_set_named_property(napi, object, "guarded", flag);
	set_number(napi, object, "warmReady", st->warm_ready);
	set_number(napi, object, "cold", (double)st->cold);
	set_number(napi, object, "warm", (double)st->warm);
	set_number(napi, object, "stale", (double)st->stale);
	set_number(napi, object, "refused", (double)st->refused);
	set_number(napi, object, "failed", (double)st->failed);
	set_reasons(napi, object, st);
	return object;
}

/* template_stat(fd): an object, or -errno */
napi_value template_stat(napi_env napi, napi_callback_info info)
{
	struct spawn_template_stat st;
	int32_t tfd;
	int ret;

	if (!take_fd(napi, info, &tfd))
		return throw_arguments(napi);
	ret = spawn_template_stat(tfd, &st, sizeof(st));
	return ret < 0 ? number_value(napi, ret) : stat_object(napi, &st);
}

/* ---- errors */

/* failure_text(error, stage, action): the library's sentence */
napi_value failure_text(napi_env napi, napi_callback_info info)
{
	struct spawn_template_failure failure;
	napi_value args[3], value;
	char text[512] = "";
	size_t n = 3;

	napi_get_cb_info(napi, info, &n, args, NULL, NULL);
	if (n != 3 ||
	    napi_get_value_int32(napi, args[0], &failure.error) != napi_ok ||
	    napi_get_value_uint32(napi, args[1], &failure.stage) != napi_ok ||
	    napi_get_value_uint32(napi, args[2], &failure.action) != napi_ok)
		return throw_arguments(napi);
	spawn_template_strerror(&failure, text, sizeof(text));
	napi_create_string_utf8(napi, text, NAPI_AUTO_LENGTH, &value);
	return value;
}
