// SPDX-License-Identifier: GPL-2.0
/*
 * directpath dev: what functions there are, whether they can be had, and taking them, preparing them and giving them back.
 *
 * A change works on isolation sets: the functions that the selectors name are gone through in the order of addresses, and with each one its
 * companions are dealt with. What is so already is reported as such and is no error.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "clean.h"
#include "cmd.h"
#include "limit.h"
#include "names.h"
#include "show.h"
#include "storm.h"

#define MAX_SET 64

/* --- show, check --- */

struct filter {
	int state;
	int verdict;
	bool all;
};

static int parse_filter(int argc, char **argv, struct filter *filter)
{
	*filter = (struct filter){ .state = -1, .verdict = -1 };
	while (argc) {
		if (!strcmp(argv[0], "all")) {
			filter->all = true;
			argc--;
			argv++;
			continue;
		}
		if (argc < 2)
			return bad_word(argv[0], "state S, verdict V or all");
		if (!strcmp(argv[0], "state"))
			filter->state = state_by_name(argv[1]);
		else if (!strcmp(argv[0], "verdict"))
			filter->verdict = verdict_by_name(argv[1]);
		else
			return bad_word(argv[0], "state S, verdict V or all");
		if ((!strcmp(argv[0], "state") ? filter->state : filter->verdict) < 0)
			return out_error(EXIT_USAGE, "there is no %s '%s'", argv[0], argv[1]);
		argc -= 2;
		argv += 2;
	}
	return EXIT_DONE;
}

static void add_dev_row(struct table *table, const struct dev *dev)
{
	char class[16], id[16], owner[48], numa[16], set[16], reset[64], reasons[512];
	const char *const cells[] = {
		dev->address, dev->name, class_name(dev->class, class, sizeof(class)), id, owner, state_name(dev->state),
		verdict_name(dev->verdict), grade_name(dev->grade), numa, set, reset, dev->label, reasons,
	};

	snprintf(id, sizeof(id), "%04x:%04x", dev->vendor, dev->device);
	owner_text(dev, owner, sizeof(owner));
	if (dev->numa >= 0)
		snprintf(numa, sizeof(numa), "%d", dev->numa);
	else
		snprintf(numa, sizeof(numa), "-");
	if (dev->has_set)
		snprintf(set, sizeof(set), "%u", dev->set);
	else
		snprintf(set, sizeof(set), "-");
	snprintf(reset, sizeof(reset), "%s", dev->reset_policy[0] ? dev->reset_policy : dev->reset_methods);
	reset[strcspn(reset, ",")] = '\0';
	reasons_text(dev, reasons, sizeof(reasons));
	table_row(table, cells, ARRAY_SIZE(cells) - (reasons[0] ? 0 : 1));
}

static void print_devs(const struct selection *selection, const struct filter *filter)
{
	static const char *const header[] = {
		"DEVICE", "NAME", "CLASS", "ID", "OWNER", "STATE", "VERDICT", "GRADE", "NUMA", "SET", "RESET", "LABEL", "REASONS",
	};
	json_t *array = json_array();
	struct table table = {};
	unsigned int i;

	table_row(&table, header, ARRAY_SIZE(header));
	for (i = 0; i < selection->list.nr; i++) {
		const struct dev *dev = &selection->list.v[i];

		if (selection->nr ? !selection->marked[i] : dev_is_platform(dev) && !filter->all)
			continue;
		if ((filter->state >= 0 && dev->state != (unsigned int)filter->state) ||
		    (filter->verdict >= 0 && dev->verdict != (unsigned int)filter->verdict))
			continue;
		json_array_append_new(array, json_dev(dev));
		add_dev_row(&table, dev);
	}
	table_print(&table);
	if (out_json())
		json_object_set(out_json(), "devices", array);
	json_decref(array);
}

static int dev_show(int argc, char **argv)
{
	static const char *const keywords[] = { "state", "verdict", "all", NULL };
	struct selection selection;
	struct filter filter;
	int ret, used;

	ret = selection_words(argc, argv, keywords, false, &used);
	if (!ret)
		ret = parse_filter(argc - used, argv + used, &filter);
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		print_devs(&selection, &filter);
	else if (ret == EXIT_NOT_FOUND && out_json())
		json_object_set_new(out_json(), "devices", json_array());
	selection_free(&selection);
	return ret;
}

static void print_facts(const struct dev *dev)
{
	char size[24], guard[64];
	unsigned int i;

	out_text("  info     reset %s", dev->reset_methods[0] ? dev->reset_methods : "none");
	if (dev->reset_policy[0])
		out_text(" (policy %s)", dev->reset_policy);
	if (dev->msix)
		out_text("; %u MSI-X", dev->msix);
	else if (dev->msi)
		out_text("; %u MSI", dev->msi);
	else
		out_text("; no MSI");
	for (i = 0; i < dev->nr_bars; i++)
		out_text("%s%s", i ? "+" : "; BARs ", size_text(dev->bars[i].size, size, sizeof(size)));
	if (dev->has_set)
		out_text("; set %u", dev->set);
	if (dev->clean_hook[0])
		out_text("; cleaned by %s", dev->clean_hook);
	if (dev->storm.has_rate || dev->storm.has_backoff)
		out_text("; %s", storm_text(&dev->storm, guard, sizeof(guard)));
	if (dev->error_policy)
		out_text("; errors %s", error_policy_name(dev->error_policy));
	if (dev->has_fault_limit)
		out_text("; faults %s", fault_limit_text(dev->fault_limit, guard, sizeof(guard)));
	if (dev->errors)
		out_text("; %llu uncorrectable error%s", ULL(dev->errors), dev->errors > 1 ? "s" : "");
	if (dev->grade)
		out_text("; grade %s", grade_name(dev->grade));
	out_text("\n");
}

static void print_acceptance(const struct acceptance *accepted)
{
	time_t when = (time_t)accepted->time;
	struct tm tm;
	char text[32];

	if (!accepted->time || !localtime_r(&when, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	out_text("  accepted %s by uid %u, process %u (%s): %s\n", text, accepted->uid, accepted->pid, accepted->comm, accepted->change);
}

static void print_check(const struct dev *dev)
{
	char owner[48], users[256];

	users_text(dev->address, users, sizeof(users));
	out_text("%s %04x:%04x %s", dev->address, dev->vendor, dev->device, class_text(dev->class));
	if (dev->driver[0])
		out_text(", driver %s", dev->driver);
	if (users[0])
		out_text(" (%s)", users);
	if (dev_is_claimed(dev))
		out_text(", %s, owner %s", state_name(dev->state), owner_text(dev, owner, sizeof(owner)));
	out_text("\n");
	if (dev->detail[0])
		out_text("  state    %s\n", dev->detail);
	print_acceptance(&dev->accepted);
	if (!dev->reasons.nr)
		out_text("  ok       nothing speaks against it\n");
	out_reasons(&dev->reasons, options.force);
	print_facts(dev);
}

static int dev_check(int argc, char **argv)
{
	struct selection selection;
	unsigned int i, refused = 0;
	json_t *array;
	int ret, used;

	ret = selection_words(argc, argv, NULL, true, &used);
	if (ret)
		return ret;
	array = json_array();
	ret = selection_load(&selection, used, argv);
	for (i = 0; !ret && i < selection.list.nr; i++) {
		const struct dev *dev = &selection.list.v[i];

		if (!selection.marked[i])
			continue;
		json_array_append_new(array, json_dev(dev));
		print_check(dev);
		refused += !dev_is_claimed(dev) && dev_is_refused(dev);
	}
	if (out_json())
		json_object_set(out_json(), "devices", array);
	json_decref(array);
	selection_free(&selection);
	if (!ret && refused)
		return out_json() ? out_error(EXIT_REFUSED, "a claim would be refused") : EXIT_REFUSED;
	return ret;
}

/* --- claim --- */

static int refuse_part(const struct dev *dev, const struct dev *const *others, unsigned int nr)
{
	struct reasons reasons = {};
	struct reason reason = { .code = DIRECTPATH_REASON_SET_SHARED, .blocking = true };
	size_t len;
	unsigned int i;
	int ret;

	len = (size_t)snprintf(reason.culprit, sizeof(reason.culprit), "isolation set %u also holds ", dev->set);
	for (i = 0; i < nr && len < sizeof(reason.culprit); i++)
		len += (size_t)snprintf(reason.culprit + len, sizeof(reason.culprit) - len, "%s%s (%s)", i ? ", " : "", others[i]->address,
					others[i]->driver[0] ? others[i]->driver : "no driver");
	snprintf(reason.fix, sizeof(reason.fix), "claim all of them: dev claim %s set", dev->address);
	reasons_add(&reasons, &reason);
	ret = report("claim", dev->address, "refused", EXIT_REFUSED, reason.culprit, &reasons);
	out_reasons(&reasons, 0);
	reasons_free(&reasons);
	return ret;
}

static void collect_refusals(const struct dev *dev, struct reasons *reasons)
{
	unsigned int i;

	for (i = 0; i < dev->reasons.nr; i++)
		if (reason_refuses(&dev->reasons.v[i]))
			reasons_add(reasons, &dev->reasons.v[i]);
}

static const char *codes_text(const struct reasons *reasons, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < reasons->nr && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", reason_name(reasons->v[i].code));
	return buf;
}

static int plan_claim(const struct dev *dev, const char *target, unsigned int others)
{
	char message[256];
	const char *reset = dev->reset_policy[0] ? dev->reset_policy : dev->reset_methods;

	snprintf(message, sizeof(message), "set %u, %u function%s; unbind %s; reset %.63s; grade %s", dev->set, others + 1, others ? "s" : "",
		 dev->driver[0] ? dev->driver : "nothing", reset[0] ? reset : "none", grade_name(dev->grade));
	return report("claim", target, "planned", EXIT_DONE, message, NULL);
}

/* What is wrong with a function that is ours, but of no use. */
static const char *state_note(const struct dev *dev, char *buf, size_t size)
{
	buf[0] = '\0';
	if (dev->state == DIRECTPATH_STATE_QUARANTINED || dev->state == DIRECTPATH_STATE_FAILED)
		snprintf(buf, size, "but it is %s; try: dev recover %s", state_name(dev->state), dev->address);
	else if (dev->state == DIRECTPATH_STATE_DIRTY)
		snprintf(buf, size, "but it is dirty; try: dev clean %s", dev->address);
	else if (dev->state != DIRECTPATH_STATE_READY)
		snprintf(buf, size, "%s", state_name(dev->state));
	return buf;
}

static int claim_one(struct selection *selection, const struct dev *dev, bool whole_set)
{
	const struct dev *others[MAX_SET], *missing[MAX_SET], *all[MAX_SET + 1];
	struct op_request request = { .kind = DIRECTPATH_OP_KIND_CLAIM, .address = dev->address, .unbind = true, .force = options.force };
	unsigned int i, n, nr_missing = 0;
	struct reasons reasons = {};
	char target[1200], text[512];
	int ret;

	if (dev_is_claimed(dev) && dev->state != DIRECTPATH_STATE_CLAIMING)
		return report("claim", dev->address, "already", EXIT_DONE, state_note(dev, text, sizeof(text)), NULL);
	n = selection_companions(selection, dev, others, MAX_SET);
	all[0] = dev;
	collect_refusals(dev, &reasons);
	for (i = 0; i < n; i++) {
		all[i + 1] = others[i];
		if (!whole_set && !selection->marked[others[i] - selection->list.v])
			missing[nr_missing++] = others[i];
		if (!dev_is_claimed(others[i]))
			collect_refusals(others[i], &reasons);
	}
	if (reasons.nr) {
		ret = report("claim", dev->address, "refused", EXIT_REFUSED, codes_text(&reasons, text, sizeof(text)), &reasons);
		out_reasons(&reasons, 0);
	} else if (nr_missing) {
		ret = refuse_part(dev, missing, nr_missing);
	} else {
		list_addresses(all, n + 1, target, sizeof(target));
		request.whole_set = n > 0;
		ret = options.dry_run ? plan_claim(dev, target, n) : run_op(&request, "claim", target, NULL);
	}
	reasons_free(&reasons);
	return ret;
}

/* Root disk and swap can be forced by nobody: saying so at once is kinder than ignoring the word. */
static int check_force(void)
{
	static const unsigned int never[] = { DIRECTPATH_REASON_ROOT_DISK, DIRECTPATH_REASON_SWAP };
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (options.force & 1ULL << never[i])
			return out_error(EXIT_REFUSED, "--force=%s: nothing overrides %s", reason_name(never[i]), reason_name(never[i]));
	return EXIT_DONE;
}

typedef int (act_fn)(struct selection *selection, const struct dev *dev, bool flag);

/* @fn for every selected function that no earlier one has dealt with. */
static int each_selected(struct selection *selection, act_fn *fn, bool flag)
{
	struct tally tally = {};
	unsigned int i;

	for (i = 0; i < selection->list.nr; i++) {
		if (!selection->marked[i] || selection->handled[i])
			continue;
		selection->handled[i] = true;
		tally_add(&tally, fn(selection, &selection->list.v[i], flag));
	}
	return tally_code(&tally);
}

static int dev_claim(int argc, char **argv)
{
	static const char *const keywords[] = { "set", NULL };
	struct selection selection;
	int ret, used;

	ret = selection_words(argc, argv, keywords, true, &used);
	if (!ret && argc > used + 1)
		ret = bad_word(argv[used + 1], "nothing after set");
	if (!ret)
		ret = check_force();
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		ret = each_selected(&selection, claim_one, argc > used);
	selection_free(&selection);
	return ret;
}

/* --- release, reset, recover --- */

static unsigned int claimed_companions(struct selection *selection, const struct dev *dev, const struct dev **all)
{
	const struct dev *others[MAX_SET];
	unsigned int i, n, nr = 1;

	all[0] = dev;
	n = selection_companions(selection, dev, others, MAX_SET);
	for (i = 0; i < n; i++)
		if (dev_is_claimed(others[i]))
			all[nr++] = others[i];
	return nr;
}

static int release_one(struct selection *selection, const struct dev *dev, bool driverless)
{
	struct op_request request = {
		.kind = DIRECTPATH_OP_KIND_RELEASE, .address = dev->address, .whole_set = true, .driverless = driverless, .force = options.force,
	};
	const struct dev *all[MAX_SET + 1];
	char target[1200], message[160];

	if (!dev_is_claimed(dev))
		return report("release", dev->address, "already", EXIT_DONE, NULL, NULL);
	list_addresses(all, claimed_companions(selection, dev, all), target, sizeof(target));
	if (!options.dry_run)
		return run_op(&request, "release", target, NULL);
	if (dev->vm[0] && !(options.force & 1ULL << DIRECTPATH_REASON_ATTACHED)) {
		snprintf(message, sizeof(message), "VM %s has it; first: directpath vm detach %s %s, or give --force=attached", dev->vm, dev->vm,
			 dev->address);
		return report("release", target, "failed", EXIT_BUSY, message, NULL);
	}
	snprintf(message, sizeof(message), "to driver %s", driverless || !dev->host_driver[0] ? "none" : dev->host_driver);
	return report("release", target, "planned", EXIT_DONE, message, NULL);
}

static int dev_release(int argc, char **argv)
{
	static const char *const keywords[] = { "driver", "set", NULL };
	struct selection selection;
	bool driverless = false;
	int ret, used, arg;

	ret = selection_words(argc, argv, keywords, true, &used);
	for (arg = used; !ret && arg < argc; arg++) {
		if (!strcmp(argv[arg], "set"))
			continue;	/* the set goes together in any case */
		if (arg + 1 == argc || strcmp(argv[arg], "driver") || strcmp(argv[arg + 1], "none"))
			ret = bad_word(argv[arg], "driver none");
		driverless = true;
		arg++;
	}
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		ret = each_selected(&selection, release_one, driverless);
	selection_free(&selection);
	return ret;
}

static int reset_one(struct selection *selection, const struct dev *dev, bool recover)
{
	struct op_request request = { .kind = recover ? DIRECTPATH_OP_KIND_RECOVER : DIRECTPATH_OP_KIND_RESET, .address = dev->address };
	const char *action = recover ? "recover" : "reset";
	const struct dev *all[MAX_SET + 1];
	char target[1200];

	if (!dev_is_claimed(dev))
		return report(action, dev->address, "failed", EXIT_KERNEL, "it is not claimed; the host owns it", NULL);
	if (recover && (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_RESERVED || dev->state == DIRECTPATH_STATE_RUNNING))
		return report(action, dev->address, "already", EXIT_DONE, state_name(dev->state), NULL);
	list_addresses(all, claimed_companions(selection, dev, all), target, sizeof(target));
	if (options.dry_run)
		return report(action, target, "planned", EXIT_DONE, dev->reset_policy[0] ? dev->reset_policy : dev->reset_methods, NULL);
	return run_op(&request, action, target, NULL);
}

static int reset_selected(int argc, char **argv, bool recover)
{
	struct selection selection;
	int ret, used;

	ret = selection_words(argc, argv, NULL, true, &used);
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		ret = each_selected(&selection, reset_one, recover);
	selection_free(&selection);
	return ret;
}

static int dev_reset(int argc, char **argv)
{
	return reset_selected(argc, argv, false);
}

static int dev_recover(int argc, char **argv)
{
	return reset_selected(argc, argv, true);
}

/* --- accept --- */

static bool has_mismatch(const struct dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->reasons.nr; i++)
		if (dev->reasons.v[i].code == DIRECTPATH_REASON_IDENTITY_MISMATCH)
			return true;
	return false;
}

static int accept_one(struct selection *selection, const struct dev *dev, bool flag)
{
	struct op_request request = { .kind = DIRECTPATH_OP_KIND_ACCEPT, .address = dev->address };
	const struct dev *others[MAX_SET];

	(void)flag;
	if (!has_mismatch(dev))
		return report("accept", dev->address, "failed", EXIT_KERNEL, "it is what it was: there is no change to accept", NULL);
	if (options.dry_run)
		return report("accept", dev->address, "planned", EXIT_DONE, dev->detail, NULL);
	selection_companions(selection, dev, others, MAX_SET);
	return run_op(&request, "accept", dev->address, dev->detail);
}

static int dev_accept(int argc, char **argv)
{
	struct selection selection;
	int ret, used;

	ret = selection_words(argc, argv, NULL, true, &used);
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		ret = each_selected(&selection, accept_one, false);
	selection_free(&selection);
	return ret;
}

/* --- clean --- */

static int clean_one(struct selection *selection, const struct dev *dev, bool abort)
{
	(void)selection;
	return clean_function(dev, abort);
}

static int dev_clean(int argc, char **argv)
{
	static const char *const keywords[] = { "abort", NULL };
	struct selection selection;
	int ret, used;

	ret = selection_words(argc, argv, keywords, true, &used);
	if (!ret && argc > used + 1)
		ret = bad_word(argv[used + 1], "nothing after abort");
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret)
		ret = each_selected(&selection, clean_one, argc > used);
	selection_free(&selection);
	return ret;
}

/* --- set --- */

struct settings {
	const char *name;
	const char *label;
	const char *reset;
	const char *clean;
	struct storm_change storm;
	int error_policy; /* -1: not given */
	bool has_fault_limit;
	unsigned int fault_limit;
};

#define SET_WORDS \
	"name N, label L, reset flr,bus,pm|none|default, clean HOOK|none, errors none|notify|revoke|default, faults N|off|default, " STORM_WORDS

static bool parse_faults(const char *text, struct settings *settings)
{
	settings->has_fault_limit = fault_limit_parse(text, &settings->fault_limit);
	return settings->has_fault_limit;
}

static int parse_settings(int argc, char **argv, struct settings *settings)
{
	bool ok = true;

	memset(settings, 0, sizeof(*settings));
	settings->error_policy = -1;
	for (; argc >= 2; argc -= 2, argv += 2) {
		if (!strcmp(argv[0], "name"))
			settings->name = argv[1];
		else if (!strcmp(argv[0], "label"))
			settings->label = argv[1];
		else if (!strcmp(argv[0], "reset"))
			settings->reset = strcmp(argv[1], "default") ? argv[1] : "";
		else if (!strcmp(argv[0], "clean"))
			settings->clean = strcmp(argv[1], "none") ? argv[1] : "";
		else if (!strcmp(argv[0], "errors"))
			ok = (settings->error_policy = error_policy_by_name(argv[1])) >= 0;
		else if (!strcmp(argv[0], "faults"))
			ok = parse_faults(argv[1], settings);
		else if (!storm_word(argv[0], argv[1], &settings->storm, &ok))
			break;
		if (!ok)
			return out_error(EXIT_USAGE, "%s '%s' is not understood", argv[0], argv[1]);
	}
	if (argc)
		return bad_word(argv[0], SET_WORDS);
	if (!settings->name && !settings->label && !settings->reset && !settings->clean && settings->error_policy < 0 &&
	    !settings->has_fault_limit && !storm_given(&settings->storm))
		return out_error(EXIT_USAGE, "what to set? %s", SET_WORDS);
	return EXIT_DONE;
}

/* What is so already is not sent. */
static const char *changed(const char *wanted, const char *is)
{
	return wanted && strcmp(wanted, is) ? wanted : NULL;
}

static unsigned int limit_of(const struct dev *dev)
{
	return dev->has_fault_limit ? dev->fault_limit : DIRECTPATH_FAULT_LIMIT_DEFAULT;
}

static int set_one(const struct dev *dev, const struct settings *settings)
{
	struct dev_change change = {
		.name = changed(settings->name, dev->name),
		.label = changed(settings->label, dev->label),
		.reset_policy = changed(settings->reset, dev->reset_policy),
		.clean_hook = changed(settings->clean, dev->clean_hook),
		.storm = settings->storm,
		.has_error_policy = settings->error_policy >= 0 && (unsigned int)settings->error_policy != dev->error_policy,
		.error_policy = settings->error_policy >= 0 ? (unsigned int)settings->error_policy : 0,
		.has_fault_limit = settings->has_fault_limit && settings->fault_limit != limit_of(dev),
		.fault_limit = settings->fault_limit,
	};

	if (!storm_reduce(&change.storm, &dev->storm) && !change.name && !change.label && !change.reset_policy && !change.clean_hook &&
	    !change.has_error_policy && !change.has_fault_limit)
		return report("set", dev->address, "already", EXIT_DONE, NULL, NULL);
	if (options.dry_run)
		return report("set", dev->address, "planned", EXIT_DONE, NULL, NULL);
	return report_request("set", dev->address, kernel_dev_set(dev->address, &change));
}

static int dev_set(int argc, char **argv)
{
	static const char *const keywords[] = { "name", "label", "reset", "clean", "errors", "faults", "storm", "storm-rate", "storm-backoff", NULL };
	struct selection selection;
	struct settings settings;
	struct tally tally = {};
	unsigned int i;
	int ret, used;

	ret = selection_words(argc, argv, keywords, true, &used);
	if (!ret)
		ret = parse_settings(argc - used, argv + used, &settings);
	if (ret)
		return ret;
	ret = selection_load(&selection, used, argv);
	if (!ret && settings.name && settings.name[0] && selection.nr > 1)
		ret = out_error(EXIT_USAGE, "a name is for one function, and %u are selected; a label can be shared", selection.nr);
	for (i = 0; !ret && i < selection.list.nr; i++)
		if (selection.marked[i])
			tally_add(&tally, set_one(&selection.list.v[i], &settings));
	selection_free(&selection);
	return ret ? ret : tally_code(&tally);
}

int cmd_dev(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", dev_show }, { "list", dev_show }, { "check", dev_check }, { "claim", dev_claim }, { "release", dev_release },
		{ "set", dev_set }, { "reset", dev_reset }, { "recover", dev_recover }, { "accept", dev_accept }, { "clean", dev_clean }, {},
	};

	return run_verb(verbs, "dev", &verbs[0], argc, argv);
}
