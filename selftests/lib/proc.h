/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_PROC_H
#define DPATH_TEST_PROC_H

/*
 * Time, limits and privileges of this process, and other processes that play a VMM.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

uint64_t now_ms(void);
uint64_t now_us(void);

/* Limit of waits for what happens by itself soon, on a slow machine too. */
#define SETTLE_MS 30000

/* Does @cond become true within @ms? Looks at least once, and once more at the end. */
#define wait_until(cond, ms) \
	({ \
		uint64_t __end = now_ms() + (ms); \
		bool __met; \
		while (!(__met = (cond)) && now_ms() < __end) \
			usleep(2000); \
		__met || (cond); \
	})

/* Locked memory of this process, in bytes. */
uint64_t proc_locked(void);
/* The debit is asynchronous. */
bool proc_locked_reaches(uint64_t bytes, int ms);
void proc_limit_locked(uint64_t bytes);
/* Another user, without any capability. */
void proc_drop_root(void);
/* Only these capabilities, by number. */
void proc_keep_caps(uint64_t caps);
/* A number below @bound from a seed that is kept in *@state. */
uint32_t proc_random(uint64_t *state, uint32_t bound);
/* DP_ROUNDS, or @dflt. */
unsigned int proc_rounds(unsigned int dflt);
/* DP_SEED, or one from the clock. */
uint64_t proc_seed(void);

/**
 * struct peer - another process
 * @pid: it
 * @to: pipe to it
 * @from: pipe from it
 *
 * In the peer itself @to and @from lead to its parent. It is killed when its parent dies.
 */
struct peer {
	pid_t pid;
	int to;
	int from;
};

/* Runs @fn; its end is the exit code 0. */
void peer_start(struct peer *peer, void (*fn)(struct peer *self, void *arg), void *arg);
void peer_tell(struct peer *peer, char what);
/* What the other says within @ms; 0: nothing, or it is gone. */
char peer_hear(struct peer *peer, int ms);
/* SIGKILL, and wait for its end. */
void peer_kill(struct peer *peer);
/* Wait for its end: exit code, or minus the signal. */
int peer_wait(struct peer *peer);
/* A peer that is not talked to: @fn's result, 0 to 127, or minus the signal that ended it. */
int proc_run(int (*fn)(void *arg), void *arg);

#endif
