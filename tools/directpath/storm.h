/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STORM_H
#define STORM_H

/*
 * The storm guard as a setting of functions and of VMs: words of commands, and what of them changes anything.
 */

#include <jansson.h>

#include "model.h"

#define STORM_WORDS "storm-rate N|off, storm-backoff TIME or storm default"

struct storm_change {
	bool forget;
	struct storm set;
};

/* Is @word one of these? Then *@ok says whether @value is understood. */
bool storm_word(const char *word, const char *value, struct storm_change *change, bool *ok);
bool storm_given(const struct storm_change *change);
/* Drop what is so already; false if nothing is left. */
bool storm_reduce(struct storm_change *change, const struct storm *is);
/* "storm-rate", as 5000, off or default, and so on; text and JSON. */
const char *storm_text(const struct storm *storm, char *buf, size_t size);
void storm_json(json_t *object, const struct storm *storm);

#endif
