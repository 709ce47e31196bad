/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports when it began: it reads CLOCK_MONOTONIC before anything else, then
 * writes the time to standard output as a struct timespec. It is static and has
 * no C library, so that no other code runs first.
 */
#include <asm/unistd.h>

#define CLOCK_MONOTONIC 1

#if defined(__x86_64__)
static long raw_call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static long raw_call(long nr, long a, long b, long c)
{
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b, x2 __asm__("x2") = c;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2)
			 : "memory");
	return x0;
}
#else
#error "first.c: add the system call instruction of this architecture"
#endif

void __attribute__((noreturn)) _start(void)
{
	long now[2];

	raw_call(__NR_clock_gettime, CLOCK_MONOTONIC, (long)now, 0);
	raw_call(__NR_exit, raw_call(__NR_write, 1, (long)now, sizeof(now)) < 0,
		 0, 0);
	__builtin_unreachable();
}
