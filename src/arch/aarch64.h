/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AArch64: raw system calls, and a clone whose child starts on its own stack.
 * Twin of x86_64.h.
 */
#ifndef ST_ARCH_H
#define ST_ARCH_H

#define ARCH_ELF_MACHINE 183 /* EM_AARCH64 */

static inline long sys_call6(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

/*
 * Makes clone(2) or clone3(2): the parent gets the answer; the child calls
 * fn(arg) on the stack it was given, aligned to 16, and must not return from
 * fn. clone's own arguments are flags, stack, parent_tid and child_tid, whose
 * registers differ between machines; clone3 has the first two only.
 */
static inline long arch_clone(long nr, long a, long b, long c, long child_tid,
			      void (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0; /* tls */
	register long x4 __asm__("x4") = child_tid;
	register void (*x10)(void *) __asm__("x10") = fn;
	register void *x11 __asm__("x11") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x11\n\t"
			 "blr x10\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4),
			   "r"(x10), "r"(x11)
			 : "x30", "memory", "cc");
	return x0;
}

#endif
