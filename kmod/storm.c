// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt storms: see storm.h.
 *
 * The bucket holds a tenth of a second's worth of interrupts and begins full. It is refilled by the time that has passed, held back or not, so that a
 * vector that storms on gets its rate on average while back-offs are short, and less when they are longer than the bucket lasts.
 */

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "storm.h"

/* A bucket lasts 1/BURST_PART of a second, and holds at least BURST_MIN. */
#define BURST_PART 10
#define BURST_MIN 16

void dpath_storm_apply(struct dpath_storm_limit *limit, const struct dpath_storm_setting *setting)
{
	if (setting->rate_given)
		limit->rate = setting->limit.rate;
	if (setting->backoff_given)
		limit->backoff_ms = setting->limit.backoff_ms;
}

void dpath_storm_set(struct dpath_storm_setting *setting, const struct dpath_storm_change *change)
{
	if (change->forget)
		*setting = (struct dpath_storm_setting){};
	dpath_storm_apply(&setting->limit, &change->setting);
	setting->rate_given |= change->setting.rate_given;
	setting->backoff_given |= change->setting.backoff_given;
}

u32 dpath_storm_burst(u32 rate)
{
	return max_t(u32, rate / BURST_PART, BURST_MIN);
}

void dpath_storm_init(struct dpath_storm *storm, u32 rate, unsigned int hz, unsigned long now)
{
	*storm = (struct dpath_storm){ .tokens = (u64)dpath_storm_burst(rate) * hz, .filled = now };
}

/**
 * dpath_storm_fill() - refill for the time that has passed
 * @storm: the vector
 * @rate: of its limit; may be another one than before
 * @hz: ticks a second
 * @now: tick; one that is behind what another CPU saw changes nothing
 *
 * A tick is worth @rate tokens of 1/@hz interrupt, so nothing is lost by rounding.
 */
void dpath_storm_fill(struct dpath_storm *storm, u32 rate, unsigned int hz, unsigned long now)
{
	unsigned long passed = now - storm->filled;

	if ((long)passed < 0)
		return;
	/* More than fills any bucket, and does not overflow. */
	storm->tokens += (u64)min_t(unsigned long, passed, max(hz, BURST_MIN * hz / rate + 1)) * rate;
	storm->tokens = min(storm->tokens, (u64)dpath_storm_burst(rate) * hz);
	storm->filled = now;
}

static unsigned long to_ticks(u32 ms, unsigned int hz)
{
	return max_t(unsigned long, DIV_ROUND_UP_ULL((u64)ms * hz, MSEC_PER_SEC), 1);
}

/**
 * dpath_storm_trip() - it is over its rate
 * @storm: the vector
 * @backoff_ms: of its limit
 * @hz: ticks a second
 * @now: tick
 *
 * The storm goes on if it came back less than a second ago, or less than it was away; otherwise it was calm, and the first back-off is due again.
 *
 * Return: ticks to hold it back.
 */
unsigned long dpath_storm_trip(struct dpath_storm *storm, u32 backoff_ms, unsigned int hz, unsigned long now)
{
	unsigned long first = to_ticks(backoff_ms, hz);
	unsigned long longest = max(first, min(first << DPATH_STORM_DOUBLINGS, to_ticks(DPATH_STORM_LONGEST_MS, hz)));

	if (storm->wait && now - storm->back <= max_t(unsigned long, hz, storm->wait))
		storm->wait = clamp(storm->wait * 2, first, longest);
	else
		storm->wait = first;
	return storm->wait;
}

void dpath_storm_return(struct dpath_storm *storm, unsigned long now)
{
	storm->back = now;
}
