// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/capability.h>

#include "assert.h"
#include "proc.h"

#define NOBODY 65534

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

uint64_t now_ms(void)
{
	return now_us() / 1000;
}

/*
 * In place of libc's. The harness ends a test with it after 30 seconds, or what the test says; that is for a quiet machine, and stretched like all limits
 * (bed/machine.md).
 */
unsigned int alarm(unsigned int seconds)
{
	const char *slow = getenv("DP_SLOW");
	struct itimerval new = { .it_value.tv_sec = seconds * (slow ? strtoul(slow, NULL, 0) : 1) }, old;

	dp_assert(!setitimer(ITIMER_REAL, &new, &old), "%s", strerror(errno));
	return old.it_value.tv_sec;
}

uint64_t proc_locked(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kb = ~0ULL;
	char line[256];

	dp_assert(f, "%s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %llu kB", &kb) == 1)
			break;
	fclose(f);
	dp_assert(kb != ~0ULL, "no VmLck");
	return kb << 10;
}

bool proc_locked_reaches(uint64_t bytes, int ms)
{
	return wait_until(proc_locked() == bytes, ms);
}

void proc_limit_locked(uint64_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	dp_assert(!setrlimit(RLIMIT_MEMLOCK, &limit), "%s", strerror(errno));
}

void proc_drop_root(void)
{
	dp_assert(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY), "%s", strerror(errno));
	prctl(PR_SET_DUMPABLE, 1);
}

void proc_keep_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		data[i].effective = caps >> 32 * i;
		data[i].permitted = caps >> 32 * i;
	}
	dp_assert(!syscall(SYS_capset, &header, data), "%s", strerror(errno));
}

uint32_t proc_random(uint64_t *state, uint32_t bound)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % bound;
}

unsigned int proc_rounds(unsigned int dflt)
{
	const char *text = getenv("DP_ROUNDS");

	return text ? strtoul(text, NULL, 0) : dflt;
}

uint64_t proc_seed(void)
{
	const char *text = getenv("DP_SEED");
	struct timespec ts;

	if (text)
		return strtoull(text, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_nsec << 20 ^ ts.tv_sec;
}

void peer_start(struct peer *peer, void (*fn)(struct peer *self, void *arg), void *arg)
{
	int down[2], up[2];

	dp_assert(!pipe(down) && !pipe(up), "%s", strerror(errno));
	fflush(stdout);
	fflush(stderr);
	peer->pid = fork();
	dp_assert(peer->pid >= 0, "%s", strerror(errno));
	if (!peer->pid) {
		struct peer self = { .pid = getppid(), .to = up[1], .from = down[0] };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(up[0]);
		close(down[1]);
		fn(&self, arg);
		exit(0);
	}
	close(down[0]);
	close(up[1]);
	peer->to = down[1];
	peer->from = up[0];
}

void peer_tell(struct peer *peer, char what)
{
	dp_assert(write(peer->to, &what, 1) == 1, "%s", strerror(errno));
}

char peer_hear(struct peer *peer, int ms)
{
	struct pollfd ready = { .fd = peer->from, .events = POLLIN };
	char what = 0;

	if (poll(&ready, 1, ms) <= 0 || read(peer->from, &what, 1) != 1)
		return 0;
	return what;
}

int peer_wait(struct peer *peer)
{
	int status;

	dp_assert(waitpid(peer->pid, &status, 0) == peer->pid, "%s", strerror(errno));
	close(peer->to);
	close(peer->from);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void peer_kill(struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	peer_wait(peer);
}

int proc_run(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	dp_assert(pid >= 0, "%s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(fn(arg));
	}
	dp_assert(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
