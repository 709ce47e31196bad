/* SPDX-License-Identifier: BSD-2-Clause */
/* A progress bar: see progress.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/measure/launchers.h"
#include "shared/measure/progress.h"

#define WIDTH 40
#define INTERVAL_NS 100000000

struct progress progress_start(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool dumb = !term || !strcmp(term, "dumb");

	return (struct progress){
		.shown = isatty(STDERR_FILENO),
		.colour = !dumb && !(no_colour && *no_colour),
	};
}

void progress_show(struct progress *p, double done, const char *what)
{
	static const char bar[] = "########################################";
	uint64_t now = now_ns();
	int filled;

	if (!p->shown || now - p->drawn_ns < INTERVAL_NS)
		return;
	p->drawn_ns = now;
	done = done < 0 ? 0 : done > 1 ? 1 : done;
	filled = (int)(done * WIDTH);
	fprintf(stderr, "\r%s[%.*s%*s]%s %3.0f %%  %-20.20s",
		p->colour ? "\033[32m" : "", filled, bar, WIDTH - filled, "",
		p->colour ? "\033[0m" : "", done * 100, what);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r%*s\r", WIDTH + 32, "");
}
