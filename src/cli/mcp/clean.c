/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of programs, cleaned for a model.
 *
 * Bytes become characters (decode), characters become text or steps of a cursor (take),
 * and the line under way is a row of cells, as on a terminal without a right margin. A
 * line that ends, and the older half of a line that is too long for the row, go on to the
 * parts that are kept (clean_kept.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mcp/clean.h"
#include "cli/mcp/clean_kept.h"

#define CELLS 8192U /* the part of a line that can still change */
#define STEPS_MOST 512U /* the cursor's, and characters, in one sequence */
#define STRING_MOST (1U << 20) /* characters that a sequence hides */
#define REPLACEMENT 0xfffdU

enum state {
	TEXT,
	ESCAPE, /* behind ESC */
	INTERMEDIATE, /* behind ESC and a character from ' ' to '/' */
	CONTROL, /* behind ESC [ */
	COMMAND, /* behind ESC ]: up to BEL or ESC \, within a line */
	STRING, /* behind ESC P, X, ^ or _: up to ESC \ */
};

struct clean {
	struct kept kept;
	uint64_t raw;
	/* decode */
	uint32_t character;
	unsigned int more; /* bytes that the character needs */
	unsigned char least, most; /* bounds of the next one */
	/* take */
	enum state state;
	unsigned int number; /* the first of the sequence; ~0: none */
	bool number_ended;
	size_t hidden;
	/* the line under way */
	uint32_t cells[CELLS];
	size_t n, cursor;
	size_t blank; /* cells at the start that an erasure left so; up to .n */
	bool edited; /* cells were written over, or erased */
};

struct clean *clean_new(size_t head, size_t tail)
{
	struct clean *c = calloc(1, sizeof(*c));

	if (c && kept_init(&c->kept, head, tail)) {
		free(c);
		return NULL;
	}
	return c;
}

void clean_free(struct clean *c)
{
	if (!c)
		return;
	kept_free(&c->kept);
	free(c);
}

/* ---- the line under way */

/* Pass the first cells on. */
static void pass(struct clean *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kept_add(&c->kept, c->cells[i]);
	memmove(c->cells, c->cells + n, (c->n - n) * sizeof(*c->cells));
	c->n -= n;
	c->cursor = c->cursor > n ? c->cursor - n : 0;
	c->blank = c->blank > n ? c->blank - n : 0;
}

/* Pass a line on. Blanks at the end of one that was written over show nothing. */
static void end_line(struct clean *c)
{
	while (c->edited && c->n && c->cells[c->n - 1] == ' ')
		c->n--;
	pass(c, c->n);
	c->cursor = c->blank = 0;
	c->edited = false;
}

static void put(struct clean *c, uint32_t character)
{
	while (c->n < c->cursor)
		c->cells[c->n++] = ' ';
	if (c->cursor == CELLS)
		pass(c, CELLS / 2);
	c->edited |= c->cursor < c->n;
	c->blank = c->blank < c->cursor ? c->blank : c->cursor;
	c->cells[c->cursor++] = character;
	if (c->n < c->cursor)
		c->n = c->cursor;
}

static void move_to(struct clean *c, size_t cell)
{
	c->cursor = cell < CELLS ? cell : CELLS;
}

/* Cells that are blank are not written again: ESC [ 1 K could be all that comes. */
static void erase(struct clean *c, unsigned int part)
{
	size_t end = c->cursor < c->n ? c->cursor + 1 : c->n;

	c->edited = true;
	if (part == 0 && c->cursor < c->n)
		c->n = c->cursor;
	else if (part == 2)
		c->n = 0;
	c->blank = c->blank < c->n ? c->blank : c->n;
	for (; part == 1 && c->blank < end; c->blank++)
		c->cells[c->blank] = ' ';
}

/* ---- sequences */

/* Do what a sequence of ESC [ asks for, if that stays within the line. */
static void control(struct clean *c, uint32_t final)
{
	unsigned int n = c->number == ~0U ? 0 : c->number;
	size_t steps = n ? n : 1;

	switch (final) {
	case 'K':
		erase(c, n);
		break;
	case 'G':
		move_to(c, steps - 1);
		break;
	case 'C':
		move_to(c, c->cursor + steps);
		break;
	case 'D':
		move_to(c, c->cursor > steps ? c->cursor - steps : 0);
		break;
	}
}

static void begin(struct clean *c, enum state state)
{
	c->state = state;
	c->number = ~0U;
	c->number_ended = false;
	c->hidden = 0;
}

static void take_text(struct clean *c, uint32_t character)
{
	if (character == '\n') {
		end_line(c);
		kept_add(&c->kept, '\n');
	} else if (character == '\r') {
		move_to(c, 0);
	} else if (character == '\b') {
		move_to(c, c->cursor ? c->cursor - 1 : 0);
	} else if (character == 0x1b) {
		begin(c, ESCAPE);
	} else if (character == '\t' ||
		   (character >= ' ' && character != 0x7f &&
		    !(character >= 0x80 && character < 0xa0))) {
		put(c, character);
	}
}

static void take_escape(struct clean *c, uint32_t character)
{
	c->state = TEXT;
	if (character == '[')
		begin(c, CONTROL);
	else if (character == ']')
		begin(c, COMMAND);
	else if (character && character < 0x80 &&
		 strchr("PX^_", (int)character))
		begin(c, STRING);
	else if (character >= ' ' && character <= '/')
		begin(c, INTERMEDIATE);
	else if (character < ' ' || character > '~')
		take_text(c, character);
}

static void take_control(struct clean *c, uint32_t character)
{
	if (character >= '0' && character <= '9' && !c->number_ended) {
		c->number = c->number == ~0U ? 0 : c->number;
		c->number = c->number * 10 + (character - '0');
		if (c->number > STEPS_MOST)
			c->number = STEPS_MOST;
	} else if (character >= ' ' && character <= '?') {
		c->number_ended = true;
		if (++c->hidden > STEPS_MOST)
			c->state = TEXT;
	} else if (character >= '@' && character <= '~') {
		c->state = TEXT;
		control(c, character);
	} else { /* none of a sequence: that ends, and the character counts */
		c->state = TEXT;
		take_text(c, character);
	}
}

/* Skip what terminals do not show; the ESC of its end begins another sequence. */
static void take_hidden(struct clean *c, uint32_t character)
{
	bool command = c->state == COMMAND;

	if (character == 0x1b) {
		begin(c, ESCAPE);
	} else if (command && character == '\n') {
		c->state = TEXT;
		take_text(c, character);
	} else if ((command && character == '\a') || character == 0x18 ||
		   character == 0x1a || ++c->hidden > STRING_MOST) {
		c->state = TEXT;
	}
}

static void take(struct clean *c, uint32_t character)
{
	switch (c->state) {
	case TEXT:
		take_text(c, character);
		break;
	case ESCAPE:
		take_escape(c, character);
		break;
	case INTERMEDIATE:
		if (character >= ' ' && character <= '/')
			break;
		c->state = TEXT;
		if (character < ' ' || character > '~')
			take_text(c, character);
		break;
	case CONTROL:
		take_control(c, character);
		break;
	case COMMAND:
	case STRING:
		take_hidden(c, character);
		break;
	}
}

/* ---- UTF-8 */

/* Begin a character, or take a byte that is one by itself or begins none. */
static void decode_first(struct clean *c, unsigned char byte)
{
	c->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
	c->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
	if (byte < 0x80) {
		take(c, byte);
	} else if (byte >= 0xc2 && byte <= 0xdf) {
		c->more = 1;
		c->character = byte & 0x1f;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		c->more = 2;
		c->character = byte & 0x0f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		c->more = 3;
		c->character = byte & 0x07;
	} else {
		take(c, REPLACEMENT);
	}
}

static void decode(struct clean *c, unsigned char byte)
{
	if (!c->more) {
		decode_first(c, byte);
	} else if (byte < c->least || byte > c->most) {
		c->more = 0;
		take(c, REPLACEMENT);
		decode_first(c, byte);
	} else {
		c->character = c->character << 6 | (byte & 0x3f);
		c->least = 0x80;
		c->most = 0xbf;
		if (!--c->more)
			take(c, c->character);
	}
}

void clean_add(struct clean *c, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	c->raw += n;
	while (n--)
		decode(c, *at++);
}

int clean_end(struct clean *c, struct clean_result *result)
{
	struct kept_text kept;
	int err;

	if (c->more)
		take(c, REPLACEMENT);
	c->more = 0;
	end_line(c);
	err = kept_end(&c->kept, &kept);
	*result = (struct clean_result){
		.text = kept.text,
		.n = kept.n,
		.raw = c->raw,
		.bytes_omitted = kept.bytes_omitted,
		.lines_omitted = kept.lines_omitted,
	};
	return err;
}
