/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of cells: see cells.h. */
#include "cells.h"

/*
 * A fork of 4 GiB takes as long as hundreds of other launches, so the cells
 * with that much memory make few forks.
 */
const struct cell cells[CELLS] = {
	[CELL_BASE] = { "base", 0, 3, 20, 1, 4, true },
	[CELL_1_GIB] = { "1 GiB", 1, 3, 20, 1, 16, false },
	[CELL_4_GIB] = { "4 GiB", 4, 3, 20, 1, 64, true },
	[CELL_1000_FDS] = { "1,000 fds", 0, 1000, 20, 1, 4, false },
	[CELL_10000_FDS] = { "10,000 fds", 0, 10000, 20, 1, 4, true },
	[CELL_ENVIRONMENT] = { "2,000 variables", 0, 3, 2000, 1, 4, false },
	[CELL_2_THREADS] = { "2 threads", 0, 3, 20, 2, 4, false },
	[CELL_8_THREADS] = { "8 threads", 0, 3, 20, 8, 4, true },
	[CELL_FDS_THREADS] = { "10,000 fds, 8 threads", 0, 10000, 20, 8, 4,
			       false },
	[CELL_RUNTIME] = { "1 GiB, 1,000 fds, 200 variables, 8 threads", 1,
			   1000, 200, 8, 16, false },
};

const char *const metric_name[METRICS] = {
	[METRIC_BLOCKED] = "caller_blocked_us",
	[METRIC_FIRST] = "to_first_instruction_us",
	[METRIC_TO_EXIT] = "to_exit_us",
	[METRIC_CPU] = "cpu_us",
};

const char *const metric_title[METRICS] = {
	[METRIC_BLOCKED] = "caller blocked",
	[METRIC_FIRST] = "to the program's first instruction",
	[METRIC_TO_EXIT] = "launch to exit seen",
	[METRIC_CPU] = "CPU per launch",
};
