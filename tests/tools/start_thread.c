/* SPDX-License-Identifier: BSD-2-Clause */
/* A program whose constructor starts a thread, which main waits for. */
#include <pthread.h>
#include <stdio.h>

static pthread_t thread;
static __thread int count = 3;
static int seen;

static void *run(void *arg)
{
	(void)arg;
	seen = ++count;
	return NULL;
}

__attribute__((constructor)) static void start(void)
{
	pthread_create(&thread, NULL, run, NULL);
}

int main(void)
{
	pthread_join(thread, NULL);
	printf("seen %d, own %d\n", seen, count);
	return 0;
}
