/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64.
 *
 * glibc's ld.so starts with "mov %rsp, %rdi; call _dl_start" and goes on with
 * "mov %rax, %r12" (_dl_start_user): verified in glibc 2.36, 2.41 and 2.43. At
 * the second instruction no C frame is active, and the stack pointer is the
 * address from which argc, argv, envp and auxv are read afterwards.
 */
#ifndef ST_WARM_ARCH_X86_64_H
#define ST_WARM_ARCH_X86_64_H

#include <stdint.h>
#include <asm/unistd.h>

#define WARM_ARCH 1

/* ---- 16 bytes of ld.so's entry */

#define WARM_START_BYTES 16
#define WARM_RESUME_AT 8	/* offset of the instruction behind the call */
#define WARM_TRAP 0xcc		/* int3; the program counter is behind it then */
#define WARM_TRAP_SIZE 1

static inline int warm_is_start(const unsigned char *code)
{
	return code[0] == 0x48 && code[1] == 0x89 && code[2] == 0xe7 &&
	       code[3] == 0xe8 && code[8] == 0x49 && code[9] == 0x89 &&
	       code[10] == 0xc4;
}

/* "syscall; int3": a stopped process is made to run it */
#define WARM_REMOTE_CALL 0xcc050fULL
#define WARM_REMOTE_MASK 0xffffffULL

/* "syscall; ret" */
static const unsigned char warm_gadget[] = { 0x0f, 0x05, 0xc3 };

/* ---- in the stub */

/* Sets stack protector secret and pointer guard in libc's thread block. */
static inline __attribute__((always_inline)) void
warm_set_secrets(uint64_t canary, uint64_t guard)
{
	canary &= ~0xffULL; /* its first byte is a NUL, which ends strings */
	__asm__ volatile("movq %0, %%fs:0x28\n\t"
			 "movq %1, %%fs:0x30" ::"r"(canary),
			 "r"(guard)
			 : "memory");
}

/* Stops for the tracer, at a WARM_TRAP. */
static inline __attribute__((always_inline, noreturn)) void warm_trap(void)
{
	__asm__ volatile("int3");
	__builtin_unreachable();
}

static inline __attribute__((always_inline)) void warm_relax(void)
{
	__asm__ volatile("pause");
}

static inline __attribute__((always_inline)) void
warm_copy(void *to, const void *from, uint64_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
}

/*
 * Runs clone(2) with own memory; the child calls fn(arg) on the stack at sp. The
 * ids are addresses, as for clone(2).
 */
static inline __attribute__((always_inline)) long
warm_fork(uint64_t flags, uint64_t sp, void *parent_tid, uint64_t child_tid,
	  void (*fn)(const void *), const void *arg)
{
	register uint64_t r10 __asm__("r10") = child_tid;
	register uint64_t r8 __asm__("r8") = 0;
	register void (*r12)(const void *) __asm__("r12") = fn;
	register const void *r13 __asm__("r13") = arg;
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
			 : "a"((long)__NR_clone), "D"(flags), "S"(sp & ~15ULL),
			   "d"(parent_tid), "r"(r10), "r"(r8), "r"(r12),
			   "r"(r13)
			 : "rcx", "r11", "memory", "cc");
	return ret;
}

/*
 * Unmaps the stub by a system call outside of it, which returns to the
 * instruction at which the program goes on, behind the move that %r12 replaces.
 */
static inline __attribute__((always_inline, noreturn)) void
warm_resume(uint64_t sp, uint64_t resume, uint64_t entry, uint64_t gadget,
	    uint64_t stub, uint64_t stub_len)
{
	register uint64_t r12 __asm__("r12") = entry;
	uint64_t *top = (uint64_t *)(sp - 8);

	*top = resume + 3;
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "jmp *%1" ::"r"(top),
			 "r"(gadget), "r"(r12), "D"(stub), "S"(stub_len),
			 "a"((long)__NR_munmap)
			 : "memory");
	__builtin_unreachable();
}

/*
 * The same for a session shell, which goes on at the start of a function:
 * registers has rbx, rbp, r12 to r15, rsp and the function's address.
 */
static inline __attribute__((always_inline, noreturn)) void
warm_resume_call(const uint64_t *registers, uint64_t gadget, uint64_t stub,
		 uint64_t stub_len)
{
	*(uint64_t *)(registers[6] - 8) = registers[7];
	__asm__ volatile("movq 0(%%rdx), %%rbx\n\t"
			 "movq 8(%%rdx), %%rbp\n\t"
			 "movq 16(%%rdx), %%r12\n\t"
			 "movq 24(%%rdx), %%r13\n\t"
			 "movq 32(%%rdx), %%r14\n\t"
			 "movq 40(%%rdx), %%r15\n\t"
			 "movq 48(%%rdx), %%rsp\n\t"
			 "subq $8, %%rsp\n\t"
			 "jmp *%%rcx" ::"d"(registers),
			 "c"(gadget), "D"(stub), "S"(stub_len),
			 "a"((long)__NR_munmap)
			 : "memory");
	__builtin_unreachable();
}

#endif
