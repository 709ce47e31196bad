/* SPDX-License-Identifier: BSD-2-Clause */
/* Parking: makes a parked process. */
#ifndef ST_WARM_PARK_H
#define ST_WARM_PARK_H

#include "warm/parked.h"

int st_park(struct st_park *park);

#endif
