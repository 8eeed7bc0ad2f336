/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_STORM_H
#define DPATH_STORM_H

/*
 * When are interrupts of one vector too many, and for how long is it held back: a token bucket, and a back-off that doubles while the storm goes on.
 * Pure logic. Time is passed in, in ticks of a clock of @hz that may wrap; the caller has one bucket a vector and no two calls for it at a time.
 */

#include <linux/compiler.h>
#include <linux/types.h>

/* What nobody has set. See Documentation/admin-guide.rst for the reasons. */
#define DPATH_STORM_RATE 400000
#define DPATH_STORM_BACKOFF_MS 10

/* A back-off doubles this often, and does not get longer than this unless it began so. */
#define DPATH_STORM_DOUBLINGS 6
#define DPATH_STORM_LONGEST_MS 10000

/**
 * struct dpath_storm_limit - what a vector may do
 * @rate: interrupts a second; 0: no limit
 * @backoff_ms: how long the first back-off is
 */
struct dpath_storm_limit {
	u32 rate;
	u32 backoff_ms;
};

/**
 * struct dpath_storm_setting - what somebody has set of it
 * @limit: valid as far as given
 * @rate_given: limit.rate is
 * @backoff_given: limit.backoff_ms is
 */
struct dpath_storm_setting {
	struct dpath_storm_limit limit;
	bool rate_given;
	bool backoff_given;
};

/**
 * struct dpath_storm_change - a change of a setting
 * @forget: what was set before
 * @setting: what is set
 */
struct dpath_storm_change {
	bool forget;
	struct dpath_storm_setting setting;
};

/**
 * struct dpath_storm - one vector
 * @tokens: interrupts that it may still have, times the clock's frequency
 * @filled: tick of the last refill
 * @back: tick when it came back last
 * @wait: ticks of the last back-off; 0: there was none
 */
struct dpath_storm {
	u64 tokens;
	unsigned long filled;
	unsigned long back;
	unsigned long wait;
};

/* @limit becomes what @setting says; the rest stays. */
void dpath_storm_apply(struct dpath_storm_limit *limit, const struct dpath_storm_setting *setting);
void dpath_storm_set(struct dpath_storm_setting *setting, const struct dpath_storm_change *change);
/* Interrupts that may come at once at @rate. */
u32 dpath_storm_burst(u32 rate);
/* A full bucket, calm. */
void dpath_storm_init(struct dpath_storm *storm, u32 rate, unsigned int hz, unsigned long now);
void dpath_storm_fill(struct dpath_storm *storm, u32 rate, unsigned int hz, unsigned long now);
/* It is over its rate: how many ticks to hold it back, at least 1. */
unsigned long dpath_storm_trip(struct dpath_storm *storm, u32 backoff_ms, unsigned int hz, unsigned long now);
/* It comes back. */
void dpath_storm_return(struct dpath_storm *storm, unsigned long now);

/**
 * dpath_storm_take() - one interrupt
 * @storm: the vector
 * @rate: of its limit
 * @hz: ticks a second
 * @now: tick
 *
 * For interrupt handlers: two comparisons and a subtraction but for the first one in a tick.
 *
 * Return: false if it is over its rate.
 */
static inline bool dpath_storm_take(struct dpath_storm *storm, u32 rate, unsigned int hz, unsigned long now)
{
	if (!rate)
		return true;
	if (now != storm->filled)
		dpath_storm_fill(storm, rate, hz, now);
	if (storm->tokens < hz)
		return false;
	storm->tokens -= hz;
	return true;
}

#endif
