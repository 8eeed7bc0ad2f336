// SPDX-License-Identifier: GPL-2.0
/*
 * What several commands do, see act.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "cmd.h"
#include "names.h"
#include "safety.h"
#include "sel.h"

int need_kernel(void)
{
	if (!kernel_connect())
		return EXIT_DONE;
	return out_error(EXIT_KERNEL, "%s", kernel_text());
}

bool dev_is_platform(const struct dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->reasons.nr; i++)
		if (dev->reasons.v[i].code == DIRECTPATH_REASON_NOT_ENDPOINT)
			return true;
	return dev_is_bridge(dev) && dev->state == DIRECTPATH_STATE_HOST && !dev->has_verdict;
}

bool reason_refuses(const struct reason *reason)
{
	return reason->blocking && !(reason->forceable && options.force & 1ULL << reason->code);
}

bool dev_is_refused(const struct dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->reasons.nr; i++)
		if (reason_refuses(&dev->reasons.v[i]))
			return true;
	return false;
}

/* The kernel has judged without our reasons; the worst fact decides. */
static void judge(struct dev *dev)
{
	unsigned int i, worst = dev->verdict;

	for (i = 0; i < dev->reasons.nr; i++) {
		const struct reason *r = &dev->reasons.v[i];
		unsigned int level = DIRECTPATH_VERDICT_RISKY;

		if (!r->blocking)
			continue;
		if (!r->forceable && !reason_is_consentable(r->code))
			level = DIRECTPATH_VERDICT_BLOCKED;
		if (level > worst)
			worst = level;
	}
	dev->verdict = worst;
}

static bool is_keyword(const char *word, const char *const *keywords)
{
	for (; keywords && *keywords; keywords++)
		if (!strcmp(word, *keywords))
			return true;
	return false;
}

int selection_words(int argc, char **argv, const char *const *keywords, bool required, int *used)
{
	char why[256];

	for (*used = 0; *used < argc && !is_keyword(argv[*used], keywords); ++*used)
		if (!sel_valid(argv[*used], why, sizeof(why)))
			return out_error(EXIT_USAGE, "%s", why);
	if (!*used && required)
		return out_error(EXIT_USAGE, "which function? e.g. 0000:3b:00.0, class:nvme, name:gpu0");
	return EXIT_DONE;
}

static void apply_safety(struct dev_list *list)
{
	struct safety *safety = safety_scan();
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		struct dev *dev = &list->v[i];

		if (dev_is_claimed(dev) || dev_is_platform(dev))
			continue;
		safety_apply(safety, dev->address, &dev->reasons);
		judge(dev);
	}
	safety_free(safety);
}

int selection_load(struct selection *selection, int nr, char **argv)
{
	unsigned int i;
	int ret, arg;

	memset(selection, 0, sizeof(*selection));
	ret = need_kernel();
	if (ret)
		return ret;
	ret = kernel_dev_list(&selection->list);
	if (ret)
		return out_kernel_error("list of functions", ret, kernel_text());
	selection->marked = xcalloc(selection->list.nr, sizeof(bool));
	selection->handled = xcalloc(selection->list.nr, sizeof(bool));
	apply_safety(&selection->list);
	for (arg = 0; arg < nr; arg++)
		if (!sel_mark(argv[arg], &selection->list, selection->marked))
			return out_error(EXIT_NOT_FOUND, "no function matches %s", argv[arg]);
	for (i = 0; i < selection->list.nr; i++)
		selection->nr += selection->marked[i];
	return EXIT_DONE;
}

void selection_free(struct selection *selection)
{
	dev_list_free(&selection->list);
	free(selection->marked);
	free(selection->handled);
}

unsigned int selection_companions(struct selection *selection, const struct dev *dev, const struct dev **companions, unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < selection->list.nr; i++) {
		const struct dev *other = &selection->list.v[i];

		if (other == dev || !dev->has_set || !other->has_set || other->set != dev->set || dev_is_platform(other))
			continue;
		selection->handled[i] = true;
		if (n < max)
			companions[n++] = other;
	}
	return n;
}

const char *list_addresses(const struct dev *const *devs, unsigned int nr, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < nr && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", devs[i]->address);
	return buf;
}

int report(const char *action, const char *target, const char *result, int code, const char *message, const struct reasons *reasons)
{
	const struct outcome outcome = {
		.action = action, .target = target, .result = result, .code = code, .message = message, .reasons = reasons,
	};

	out_outcome(&outcome);
	return code;
}

static const char *result_of(int code)
{
	return code == EXIT_REFUSED ? "refused" : "failed";
}

int report_request(const char *action, const char *target, int ret)
{
	const char *text = kernel_text();
	int code = exit_code_of(ret);

	if (!ret)
		return report(action, target, "done", EXIT_DONE, NULL, NULL);
	return report(action, target, result_of(code), code, *text ? text : strerror(-ret), NULL);
}

static int report_end(const struct op_result *result, const char *action, const char *target, const char *note)
{
	struct outcome outcome = {
		.action = action, .target = target, .op = result->id, .elapsed_ms = result->elapsed_ms, .reasons = &result->reasons,
	};
	char buf[sizeof(result->message) + 64];

	if (!result->error) {
		outcome.result = "done";
		outcome.message = result->message[0] ? result->message : note;
	} else if (result->error == EALREADY) {
		outcome.result = "already";
		outcome.message = result->message;
	} else {
		outcome.code = result->reasons.nr ? EXIT_REFUSED : exit_code_of((int)result->error);
		outcome.result = result_of(outcome.code);
		snprintf(buf, sizeof(buf), "%s", result->message[0] ? result->message : strerror((int)result->error));
		outcome.message = buf;
	}
	out_outcome(&outcome);
	if (outcome.code)
		out_reasons(&result->reasons, options.force);
	return outcome.code;
}

static int report_late(const char *action, const char *target, uint32_t id)
{
	char message[256];
	struct outcome outcome = {
		.action = action, .target = target, .result = "timeout", .code = EXIT_BUSY, .message = message, .op = id,
	};

	snprintf(message, sizeof(message), "still at it after %u s (operation %u); it goes on, `directpath dev show' tells how far it is",
		 options.wait_s, id);
	out_outcome(&outcome);
	return EXIT_BUSY;
}

int run_op(const struct op_request *request, const char *action, const char *target, const char *note)
{
	struct op_result result = {};
	uint32_t id;
	int ret;

	ret = kernel_op_start(request, &id);
	if (ret)
		return report_request(action, target, ret);
	if (!options.wait_s) {
		const struct outcome outcome = { .action = action, .target = target, .result = "queued", .op = id };

		out_outcome(&outcome);
		return EXIT_DONE;
	}
	ret = kernel_op_wait(id, options.wait_s > 2000000 ? 2000000000 : (int)options.wait_s * 1000, &result);
	if (ret == -ETIME)
		ret = report_late(action, target, id);
	else if (ret)
		ret = report_request(action, target, ret);
	else
		ret = report_end(&result, action, target, note);
	op_result_free(&result);
	return ret;
}

int run_step(const struct op_request *request, const char *action, const char *target)
{
	struct op_result result = {};
	uint32_t id;
	int ret;

	ret = kernel_op_start(request, &id) ?: kernel_op_wait(id, 3600 * 1000, &result);
	if (ret)
		return report_request(action, target, ret == -ETIME ? -ETIMEDOUT : ret);
	if (result.error)
		ret = report_end(&result, action, target, NULL);
	op_result_free(&result);
	return ret;
}

unsigned int selection_claimed(struct selection *selection, const struct dev *dev, const struct dev **all, char (*addresses)[ADDRESS_SIZE])
{
	const struct dev *others[MAX_SET];
	unsigned int i, n, nr = 0;

	all[nr] = dev;
	snprintf(addresses[nr++], ADDRESS_SIZE, "%s", dev->address);
	n = selection_companions(selection, dev, others, MAX_SET - 1);
	for (i = 0; i < n; i++) {
		if (!dev_is_claimed(others[i]))
			continue;
		all[nr] = others[i];
		snprintf(addresses[nr++], ADDRESS_SIZE, "%s", others[i]->address);
	}
	return nr;
}

int load_vms(struct vm_list *list)
{
	int ret;

	memset(list, 0, sizeof(*list));
	ret = need_kernel();
	if (ret)
		return ret;
	ret = kernel_vm_list(list);
	return ret ? out_kernel_error("vm show", ret, kernel_text()) : EXIT_DONE;
}
