/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cheapest program: it exits with STATUS. It needs no C library and makes one
 * system call, so that tests can launch it a hundred thousand times; the status tells
 * which of two files ran.
 */
	.globl _start
_start:
#if defined(__x86_64__)
	movl $60, %eax
	movl $STATUS, %edi
	syscall
#elif defined(__i386__)
	movl $1, %eax
	movl $STATUS, %ebx
	int $0x80
#elif defined(__aarch64__)
	mov x8, #93
	mov x0, #STATUS
	svc #0
#else
#error "tiny.S: no exit for this architecture"
#endif
	.section .note.GNU-stack, "", %progbits
