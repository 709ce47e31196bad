/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: raw system calls, and a clone whose child starts on its own stack.
 * Twin of aarch64.h.
 */
#ifndef ST_ARCH_H
#define ST_ARCH_H

#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */

static inline long sys_call6(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
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
	register long r10 __asm__("r10") = child_tid;
	register long r8 __asm__("r8") = 0; /* tls */
	register void (*r12)(void *) __asm__("r12") = fn;
	register void *r13 __asm__("r13") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "movq %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r12), "r"(r13)
			 : "rcx", "r11", "memory", "cc");
	return ret;
}

#endif
