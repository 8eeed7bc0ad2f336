// SPDX-License-Identifier: GPL-2.0
/*
 * Reset policies as text: what `dev set SEL reset TEXT` takes and what is shown.
 *
 * A policy is a list of methods, best first, or the consent to go without. Grammar: "" or "default" (the function's own order),
 * METHOD{,METHOD}, or "none". Each method appears once, so that a policy fits into DPATH_RESET_POLICY_MAX. Pure logic, no locks.
 */

#include <linux/kernel.h>
#include <linux/string.h>

#include "reset.h"

static const char * const method_names[DPATH_RESET_NR] = {
	[DPATH_RESET_NONE] = "none",
	[DPATH_RESET_DEVICE_SPECIFIC] = "device-specific",
	[DPATH_RESET_ACPI] = "acpi",
	[DPATH_RESET_FLR] = "flr",
	[DPATH_RESET_AF] = "af",
	[DPATH_RESET_PM] = "pm",
	[DPATH_RESET_BUS] = "bus",
	[DPATH_RESET_SLOT] = "slot",
};

const char *dpath_reset_name(enum dpath_reset_method method)
{
	if (method >= DPATH_RESET_NR)
		return "unknown";
	return method_names[method];
}

/* Names as sysfs reset_method spells them are understood too. */
static int lookup_method(const char *name)
{
	int method;

	if (!strcmp(name, "device_specific"))
		return DPATH_RESET_DEVICE_SPECIFIC;
	if (!strcmp(name, "af_flr"))
		return DPATH_RESET_AF;
	method = match_string(method_names, DPATH_RESET_NR, name);
	return method < 0 ? DPATH_RESET_NR : method;
}

static int add_policy_word(struct dpath_reset_policy *policy, const char *word, const char **why)
{
	int method = lookup_method(word);
	unsigned int i;

	if (method == DPATH_RESET_NR) {
		*why = "unknown reset method; known are device-specific, acpi, flr, af, pm, bus, slot, none, default";
		return -EINVAL;
	}
	if (policy->consent_none || (method == DPATH_RESET_NONE && policy->nr)) {
		*why = "none stands alone in a reset policy";
		return -EINVAL;
	}
	if (method == DPATH_RESET_NONE) {
		policy->consent_none = true;
		return 0;
	}
	for (i = 0; i < policy->nr; i++) {
		if (policy->order[i] == method) {
			*why = "reset method named twice";
			return -EINVAL;
		}
	}
	policy->order[policy->nr++] = method;
	return 0;
}

/**
 * dpath_reset_parse_policy - parse a reset policy
 * @text: "default" or "" (the function's own order), methods in order ("flr,bus"), or "none"
 * @policy: filled; unchanged on failure
 * @why: text of the refusal
 *
 * "none" is the consent to a hand-over without reset, and no reset is done, even if the function has one: it may be one that does harm.
 *
 * Return: 0 or -EINVAL.
 */
int dpath_reset_parse_policy(const char *text, struct dpath_reset_policy *policy, const char **why)
{
	struct dpath_reset_policy parsed = {};
	char buf[64], *rest = buf, *word;
	int ret;

	/* Each method fits once, so that order[] cannot overflow. */
	static_assert(DPATH_RESET_NR - 1 <= DPATH_RESET_POLICY_MAX);

	if (!*text || !strcmp(text, "default")) {
		*policy = parsed;
		return 0;
	}
	if (strscpy(buf, text, sizeof(buf)) < 0) {
		*why = "reset policy is too long";
		return -EINVAL;
	}
	while ((word = strsep(&rest, ","))) {
		ret = add_policy_word(&parsed, strim(word), why);
		if (ret)
			return ret;
	}
	*policy = parsed;
	return 0;
}

int dpath_reset_format_order(const u8 *order, unsigned int nr, char *buf, size_t size)
{
	unsigned int i;
	int len = 0;

	if (size)
		*buf = '\0';
	for (i = 0; i < nr; i++)
		len += scnprintf(buf + len, size - len, "%s%s", i ? "," : "", dpath_reset_name(order[i]));
	return len;
}

/* What parse_policy would make the same policy of. Returns the length. */
int dpath_reset_format_policy(const struct dpath_reset_policy *policy, char *buf, size_t size)
{
	if (!policy->nr)
		return scnprintf(buf, size, policy->consent_none ? "none" : "default");
	return dpath_reset_format_order(policy->order, policy->nr, buf, size);
}
