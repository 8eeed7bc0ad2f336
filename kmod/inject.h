/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_INJECT_H
#define DPATH_INJECT_H

/*
 * Failures on request, for tests: in modules that are built with DIRECTPATH_CI=1 on a kernel with CONFIG_FAULT_INJECTION, and nothing otherwise.
 *
 * /proc/self/fail-nth counts calls that can fail in one task. What a task asks for goes on in works of ours, so a work takes over the count of the
 * task that queued it; and some calls into the kernel have no way to report a failure, so they run without it. A task that counts says so in
 * /proc/self/make-it-fail, too: its count is 0 when a call has failed, as that of any other task is.
 */

/**
 * struct dpath_inject - the count that goes with a work
 * @nth: of the calls that can fail, the one that does; 0: none
 */
struct dpath_inject {
#ifdef DPATH_CI
	unsigned int nth;
#endif
};

#ifdef DPATH_CI

/* Failures that the kernel does not log are, and their fallback fails. */
int dpath_inject_init(void);
void dpath_inject_exit(void);
/* Whoever queues the work. */
void dpath_inject_lend(struct dpath_inject *inject);
/* Begin and end of the work. */
void dpath_inject_borrow(const struct dpath_inject *inject);
void dpath_inject_return(const struct dpath_inject *inject);
/* Around a call that may not fail; what mask() returned goes to unmask(). */
unsigned int dpath_inject_mask(void);
void dpath_inject_unmask(unsigned int nth);

#else

static inline int dpath_inject_init(void) { return 0; }
static inline void dpath_inject_exit(void) {}
static inline void dpath_inject_lend(struct dpath_inject *inject) {}
static inline void dpath_inject_borrow(const struct dpath_inject *inject) {}
static inline void dpath_inject_return(const struct dpath_inject *inject) {}
static inline unsigned int dpath_inject_mask(void) { return 0; }
static inline void dpath_inject_unmask(unsigned int nth) {}

#endif

#endif
