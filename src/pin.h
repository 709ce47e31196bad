/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ST_PIN_H
#define ST_PIN_H

/* Keeps the object that has the library's code in it mapped until the process ends. */
void st_pin(void);

#endif
