// SPDX-License-Identifier: GPL-2.0
/*
 * The storm guard as a setting: see storm.h. The kernel has the bounds.
 */

#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "storm.h"

bool storm_word(const char *word, const char *value, struct storm_change *change, bool *ok)
{
	struct storm *set = &change->set;

	if (!strcmp(word, "storm")) {
		*ok = !strcmp(value, "default");
		change->forget = true;
	} else if (!strcmp(word, "storm-rate")) {
		*ok = !strcmp(value, "off") || (parse_u32(value, &set->rate) && set->rate);
		if (!strcmp(value, "off"))
			set->rate = 0;
		set->has_rate = true;
	} else if (!strcmp(word, "storm-backoff")) {
		*ok = parse_duration_ms(value, &set->backoff);
		set->has_backoff = true;
	} else {
		return false;
	}
	return true;
}

bool storm_given(const struct storm_change *change)
{
	return change->forget || change->set.has_rate || change->set.has_backoff;
}

bool storm_reduce(struct storm_change *change, const struct storm *is)
{
	const struct storm *set = &change->set;
	/* What is to be after the change. */
	bool has_rate = set->has_rate || (is->has_rate && !change->forget);
	bool has_backoff = set->has_backoff || (is->has_backoff && !change->forget);

	if (has_rate == is->has_rate && has_backoff == is->has_backoff && (!set->has_rate || set->rate == is->rate) &&
	    (!set->has_backoff || set->backoff == is->backoff))
		memset(change, 0, sizeof(*change));
	return storm_given(change);
}

const char *storm_text(const struct storm *storm, char *buf, size_t size)
{
	char rate[16] = "default", backoff[16] = "default";

	if (storm->has_rate && storm->rate)
		snprintf(rate, sizeof(rate), "%u", storm->rate);
	else if (storm->has_rate)
		snprintf(rate, sizeof(rate), "off");
	if (storm->has_backoff)
		snprintf(backoff, sizeof(backoff), "%ums", storm->backoff);
	snprintf(buf, size, "storm-rate %s, storm-backoff %s", rate, backoff);
	return buf;
}

void storm_json(json_t *object, const struct storm *storm)
{
	json_object_set_new(object, "storm_rate", storm->has_rate ? json_integer(storm->rate) : json_null());
	json_object_set_new(object, "storm_backoff_ms", storm->has_backoff ? json_integer(storm->backoff) : json_null());
}
