/* SPDX-License-Identifier: BSD-2-Clause */
/* The values of a line that go to its program. */
#ifndef ENGINE_BYTES_H
#define ENGINE_BYTES_H

#include "cli/engine/engine.h"

/* Return the string if a program can be given it, or NULL. */
const char *bytes_plain(const json_t *value);

/* Each reads the value of one key. Return: 0; or -1 with a complaint. */
int bytes_argv(struct request *r, json_t *value, struct complaint *c);
int bytes_argv_base64(struct request *r, json_t *value, struct complaint *c);
int bytes_cwd(struct request *r, json_t *value, struct complaint *c);
int bytes_cwd_base64(struct request *r, json_t *value, struct complaint *c);
int bytes_env(struct request *r, json_t *value, struct complaint *c);
int bytes_setenv(struct request *r, json_t *value, struct complaint *c);
int bytes_setenv_base64(struct request *r, json_t *value, struct complaint *c);
int bytes_input(struct request *r, json_t *value, struct complaint *c);
int bytes_input_base64(struct request *r, json_t *value, struct complaint *c);

#endif
