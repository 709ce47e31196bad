/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEASURE_NUMBER_H
#define MEASURE_NUMBER_H

/*
 * Reads a number from 1 to most; otherwise prints a message that begins with
 * who, the program's name.
 * Return: 0, or -EINVAL with *ret as it was.
 */
int number_parse(const char *who, const char *text, unsigned int most,
		 unsigned int *ret);

#endif
