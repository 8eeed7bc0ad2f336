// SPDX-License-Identifier: GPL-2.0
/*
 * directpath monitor: one event a line.
 *
 * DMA faults: VT-d and AMD-Vi report them in the kernel log only, by address of the function. The monitor reads the log along with the events and
 * adds which VM has the function, which it knows from the list at the start and the events since. Errors of PCIe (AER) come as events, as do DMA faults
 * where the IOMMU's driver tells the kernel of them (AMD).
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act.h"
#include "cmd.h"
#include "fault.h"
#include "names.h"
#include "show.h"

enum topic { TOPIC_DEV = 1, TOPIC_VM = 2, TOPIC_FAULT = 4, TOPIC_OTHER = 8, TOPIC_ALL = 15 };

struct monitor {
	unsigned int topics;
	struct dev_list owners;
	int log;
};

static const char *time_text(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	len = strftime(buf, size, options.date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	len += (size_t)snprintf(buf + len, size - len, ".%03ld", now.tv_nsec / 1000000);
	if (options.date)
		strftime(buf + len, size - len, "%z", &tm);
	return buf;
}

static void print_json(const char *kind, json_t *payload)
{
	json_t *object = json_object();
	char buf[64];

	json_object_set_new(object, "schema", json_integer(1));
	json_object_set_new(object, "time", json_string(time_text(buf, sizeof(buf))));
	json_object_set_new(object, "event", json_string(kind));
	json_object_set_new(object, kind, payload);
	out_json_line(object);
}

static void print_head(uint64_t seq)
{
	char buf[64];

	out_text("%s ", time_text(buf, sizeof(buf)));
	if (seq)
		out_text("seq=%llu ", ULL(seq));
}

static void print_cause(const char *cause)
{
	if (cause[0])
		out_text(strchr(cause, ' ') ? " cause=\"%s\"" : " cause=%s", cause);
}

static void print_dev(const struct dev *dev)
{
	json_t *object;

	if (out_json()) {
		object = json_dev(dev);
		json_object_set_new(object, "cause", dev->cause[0] ? json_text(dev->cause) : json_null());
		print_json("dev", object);
		return;
	}
	print_head(dev->seq);
	if (dev->has_prev_state)
		out_text("dev %s state %s->%s", dev->address, state_name(dev->prev_state), state_name(dev->state));
	else
		out_text("dev %s state %s", dev->address, state_name(dev->state));
	if (dev->vm[0])
		out_text(" vm=%s", dev->vm);
	print_cause(dev->cause);
	if (dev->owner_pid)
		out_text(" pid=%u", dev->owner_pid);
	if (dev->detail[0])
		out_text(" (%s)", dev->detail);
	out_text("\n");
}

static void print_vm(const struct vm *vm)
{
	json_t *object;

	if (out_json()) {
		object = json_vm(vm);
		json_object_set_new(object, "deleted", json_boolean(vm->deleted));
		json_object_set_new(object, "cause", vm->cause[0] ? json_text(vm->cause) : json_null());
		print_json("vm", object);
		return;
	}
	print_head(vm->seq);
	out_text("vm %s %s devices=%u", vm->name, vm->deleted ? "deleted" : vm->state == DIRECTPATH_VM_STATE_RUNNING ? "running" : "off",
		 vm->nr_devices);
	print_cause(vm->cause);
	if (vm->pid)
		out_text(" pid=%u", vm->pid);
	out_text("\n");
}

static void print_op(const struct op_result *op)
{
	if (out_json()) {
		print_json("op", json_op(op));
		return;
	}
	print_head(op->seq);
	out_text("op %u %s %s%s%s %s in %llu ms%s%s\n", op->id, op_kind_name(op->kind), op->address, op->vm[0] ? " vm=" : "", op->vm,
		 op->error ? "failed" : "done", ULL(op->elapsed_ms), op->message[0] ? ": " : "", op->message);
}

static void print_host(const struct host *host)
{
	if (out_json()) {
		print_json("host", json_host(host));
		return;
	}
	print_head(host->seq);
	out_text("host vector-budget=%u adhoc=%s unsafe-interrupts=%s\n", host->vector_budget, host->adhoc ? "on" : "off",
		 host->unsafe_interrupts ? "on" : "off");
}

static void print_error(const struct hw_error *error)
{
	json_t *object;

	if (out_json()) {
		object = json_object();
		json_object_set_new(object, "bdf", json_text(error->address));
		json_object_set_new(object, "vm", error->vm[0] ? json_text(error->vm) : json_null());
		json_object_set_new(object, "kind", json_string(fault_kind_name(error->kind)));
		json_object_set_new(object, "count", json_u64(error->count));
		json_object_set_new(object, "status", error->has_status ? json_integer(error->status) : json_null());
		json_object_set_new(object, "iova", error->has_iova ? json_u64(error->iova) : json_null());
		json_object_set_new(object, "write", error->has_iova ? json_boolean(error->write) : json_null());
		json_object_set_new(object, "action", json_string(error_policy_name(error->action)));
		json_object_set_new(object, "seq", json_u64(error->seq));
		print_json("fault", object);
		return;
	}
	/* Its number is of another row than the others'. */
	print_head(0);
	out_text("fault %s%s%s %s count=%llu", error->address, error->vm[0] ? " vm=" : "", error->vm, fault_kind_name(error->kind),
		 ULL(error->count));
	if (error->has_status)
		out_text(" status=0x%08x", error->status);
	if (error->has_iova)
		out_text(" %s iova=0x%llx", error->write ? "write" : "read", ULL(error->iova));
	if (error->action)
		out_text(" action=%s", error_policy_name(error->action));
	out_text("\n");
}

/* Keep who owns what up to date, for the faults to come. */
static void note_owner(struct monitor *monitor, const struct dev *dev)
{
	struct dev *known = dev_list_find(&monitor->owners, dev->address);

	if (!known) {
		known = dev_list_add(&monitor->owners);
		snprintf(known->address, sizeof(known->address), "%s", dev->address);
	}
	snprintf(known->vm, sizeof(known->vm), "%s", dev->vm);
}

static void print_lost(struct monitor *monitor)
{
	if (out_json()) {
		print_json("lost", json_object());
	} else {
		print_head(0);
		out_text("events lost; directpath dev show has the present state\n");
	}
	dev_list_free(&monitor->owners);
	kernel_dev_list(&monitor->owners);
}

static bool on_event(const struct event *event, void *ctx)
{
	struct monitor *monitor = ctx;

	switch (event->kind) {
	case EVENT_DEV:
		note_owner(monitor, event->dev);
		if (monitor->topics & TOPIC_DEV)
			print_dev(event->dev);
		break;
	case EVENT_VM:
		if (monitor->topics & TOPIC_VM)
			print_vm(event->vm);
		break;
	case EVENT_OP:
		if (monitor->topics & TOPIC_OTHER)
			print_op(event->op);
		break;
	case EVENT_HOST:
		if (monitor->topics & TOPIC_OTHER)
			print_host(event->host);
		break;
	case EVENT_ERROR:
		if (monitor->topics & TOPIC_FAULT)
			print_error(event->error);
		break;
	case EVENT_LOST:
		print_lost(monitor);
		break;
	}
	return !fflush(stdout);
}

static void print_fault(struct monitor *monitor, const struct fault *fault)
{
	const struct dev *dev = dev_list_find(&monitor->owners, fault->address);
	const char *vm = dev ? dev->vm : "";
	json_t *object;

	if (out_json()) {
		object = json_object();
		json_object_set_new(object, "bdf", json_text(fault->address));
		json_object_set_new(object, "vm", vm[0] ? json_text(vm) : json_null());
		json_object_set_new(object, "kind", json_text(fault->kind));
		json_object_set_new(object, "iova", json_text(fault->iova));
		json_object_set_new(object, "reason", fault->reason[0] ? json_text(fault->reason) : json_null());
		print_json("fault", object);
		return;
	}
	print_head(0);
	out_text("fault %s%s%s iommu %s iova=%s%s%s\n", fault->address, vm[0] ? " vm=" : "", vm, fault->kind, fault->iova,
		 fault->reason[0] ? " reason=" : "", fault->reason);
}

/* One record a read: "6,1234,5678,-;text" */
static bool on_log(void *ctx)
{
	struct monitor *monitor = ctx;
	char record[8192], *text;
	struct fault fault;
	ssize_t len;

	for (;;) {
		len = read(monitor->log, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;	/* overwritten before it was read */
		if (len <= 0)
			return !fflush(stdout);
		record[len] = '\0';
		text = strchr(record, ';');
		if (text && fault_parse(text + 1, &fault))
			print_fault(monitor, &fault);
	}
}

static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		out_note("directpath: no DMA faults will be shown: /dev/kmsg: %s", strerror(errno));
		return -1;
	}
	lseek(fd, 0, SEEK_END);
	return fd;
}

static int parse_topics(int argc, char **argv, unsigned int *topics)
{
	static const struct {
		const char *name;
		unsigned int topic;
	} names[] = { { "dev", TOPIC_DEV }, { "vm", TOPIC_VM }, { "fault", TOPIC_FAULT }, { "all", TOPIC_ALL } };
	size_t i;

	*topics = argc ? 0 : TOPIC_ALL;
	for (; argc; argc--, argv++) {
		for (i = 0; i < 4 && !abbreviates(argv[0], names[i].name); i++)
			;
		if (i == 4)
			return bad_word(argv[0], "dev, vm, fault or all");
		*topics |= names[i].topic;
	}
	return EXIT_DONE;
}

static void on_signal(int number)
{
	(void)number;
}

/* No SA_RESTART: the poll is to end. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int cmd_monitor(int argc, char **argv)
{
	struct monitor monitor = { .log = -1 };
	int ret;

	if (argc && !strcmp(argv[0], "help"))
		return help_object("monitor");
	ret = parse_topics(argc, argv, &monitor.topics);
	if (!ret)
		ret = need_kernel();
	if (ret)
		return ret;
	if (kernel_dev_list(&monitor.owners))
		return out_kernel_error("monitor", EIO, kernel_text());
	if (monitor.topics & TOPIC_FAULT)
		monitor.log = open_log();
	catch_signals();
	ret = kernel_monitor(on_event, monitor.log, on_log, &monitor);
	if (monitor.log >= 0)
		close(monitor.log);
	dev_list_free(&monitor.owners);
	return ret ? out_kernel_error("monitor", ret, kernel_text()) : EXIT_DONE;
}
