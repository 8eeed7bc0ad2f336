// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink request stats-get: counters of one function with all its vectors and the config registers that were written, of one VM, or a dump of all
 * functions that directpath knows and then of all VMs. A dump leaves vectors and registers out: a function can have 2048 and 1024, and a message of
 * a dump has to fit the reader's buffer. See netlink.c for the rules.
 */

#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <uapi/linux/directpath_nl.h>

#include "cfgperm.h"
#include "device.h"
#include "error.h"
#include "generated/netlink.h"
#include "host.h"
#include "irq.h"
#include "lease.h"
#include "match.h"
#include "netlink.h"
#include "netlink_fill.h"
#include "set.h"
#include "vm.h"

/**
 * struct dev_counters - counters of a function: ended leases and the current one together
 * @interrupts: all vectors together
 * @storms: vectors held back by the storm guard
 * @limit: of its vectors
 * @config_reads: reads of config space
 * @config_writes: writes of config space
 * @config_denied: writes that were dropped in whole or part
 * @region_reads: reads of BARs through the fd
 * @region_writes: writes of BARs through the fd
 * @faults: page faults on BAR maps
 * @resets: resets since the claim
 * @reset_failures: those that failed
 * @runs: times a VM ran it
 * @errors: by kind
 * @error_policy: what an uncorrectable one is
 * @fault_limit: refused DMA accesses that end a run
 * @vm: VM it is attached to, or empty
 * @nr_vectors: entries in @vectors
 * @vectors: vectors of the current lease, or NULL
 */
struct dev_counters {
	u64 interrupts;
	u64 storms;
	struct dpath_storm_limit limit;
	u64 config_reads;
	u64 config_writes;
	u64 config_denied;
	u64 region_reads;
	u64 region_writes;
	u64 faults;
	u64 resets;
	u64 reset_failures;
	u64 runs;
	u64 errors[DPATH_FAULT_KINDS];
	enum directpath_error_policy error_policy;
	u32 fault_limit;
	char vm[DIRECTPATH_NAME_MAX + 1];
	unsigned int nr_vectors;
	struct dpath_vector_info *vectors;
};

static void add_stats(struct dev_counters *counters, const struct dpath_lease_stats *stats)
{
	counters->interrupts += atomic64_read(&stats->interrupts);
	counters->storms += atomic64_read(&stats->storms);
	counters->config_reads += atomic64_read(&stats->config_reads);
	counters->config_writes += atomic64_read(&stats->config_writes);
	counters->config_denied += atomic64_read(&stats->config_denied);
	counters->region_reads += atomic64_read(&stats->region_reads);
	counters->region_writes += atomic64_read(&stats->region_writes);
	counters->faults += atomic64_read(&stats->faults);
}

static int read_vectors(struct dpath_lease *lease, struct dev_counters *counters)
{
	unsigned int n = READ_ONCE(lease->irqs.nvec);

	if (!n)
		return 0;
	counters->vectors = kvcalloc(n, sizeof(*counters->vectors), GFP_KERNEL);
	if (!counters->vectors)
		return -ENOMEM;
	counters->nr_vectors = min(n, dpath_irqs_vectors(&lease->irqs, counters->vectors, n));
	return 0;
}

/**
 * read_counters - read the counters of a function
 * @dev: the function
 * @vectors: those of each vector, too
 * @counters: result, to be freed by free_counters()
 *
 * A lease is added to dev->totals when it ends, under the table lock, so ended and current leases are counted once each.
 *
 * Context: process context, no lock held: irqs->lock is outside the table lock, so the lease is kept by a reference meanwhile.
 * Return: 0 or -ENOMEM.
 */
static int read_counters(struct dpath_device *dev, bool vectors, struct dev_counters *counters)
{
	struct dpath_lease *lease;
	int ret = 0;

	memset(counters, 0, sizeof(*counters));
	mutex_lock(&dpath_table_lock);
	add_stats(counters, &dev->totals);
	lease = dev->lease;
	if (lease) {
		kref_get(&lease->ref);
		add_stats(counters, &lease->stats);
	}
	counters->limit.rate = DPATH_STORM_RATE;
	counters->limit.backoff_ms = DPATH_STORM_BACKOFF_MS;
	if (dev->set && dev->set->vm) {
		strscpy(counters->vm, dev->set->vm->name, sizeof(counters->vm));
		dpath_storm_apply(&counters->limit, &dev->set->vm->storm);
	}
	dpath_storm_apply(&counters->limit, &dev->storm);
	if (dev->bound) {
		counters->resets = atomic64_read(&dev->reset.count);
		counters->reset_failures = atomic64_read(&dev->reset.failures);
	}
	counters->runs = dev->runs;
	memcpy(counters->errors, dev->errors.count, sizeof(counters->errors));
	counters->error_policy = dpath_error_policy_locked(dev);
	counters->fault_limit = dpath_error_fault_limit_locked(dev);
	mutex_unlock(&dpath_table_lock);

	if (!lease)
		return 0;
	if (vectors)
		ret = read_vectors(lease, counters);
	dpath_lease_put(lease);
	return ret;
}

static void free_counters(struct dev_counters *counters)
{
	kvfree(counters->vectors);
}

static int put_vector(struct sk_buff *skb, const struct dpath_vector_info *info)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, DIRECTPATH_A_STATS_VECTOR);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, DIRECTPATH_A_VECTOR_INDEX, info->index) ||
	    nla_put_u32(skb, DIRECTPATH_A_VECTOR_NUMBER, info->number) ||
	    nla_put_u32(skb, DIRECTPATH_A_VECTOR_IRQ, info->irq) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_VECTOR_COUNT, info->count, DIRECTPATH_A_VECTOR_PAD) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_VECTOR_STORMS, info->storms, DIRECTPATH_A_VECTOR_PAD) ||
	    (info->held && nla_put_flag(skb, DIRECTPATH_A_VECTOR_HELD)) ||
	    (info->bypassed && nla_put_flag(skb, DIRECTPATH_A_VECTOR_BYPASSED))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_count(struct sk_buff *skb, int attr, u64 count)
{
	return nla_put_u64_64bit(skb, attr, count, DIRECTPATH_A_STATS_PAD);
}

static int put_errors(struct sk_buff *skb, const struct dev_counters *counters)
{
	if (dpath_error_counts_correctable() &&
	    put_count(skb, DIRECTPATH_A_STATS_ERRORS_CORRECTABLE, counters->errors[DIRECTPATH_FAULT_KIND_AER_CORRECTABLE]))
		return -EMSGSIZE;
	if (put_count(skb, DIRECTPATH_A_STATS_ERRORS_NONFATAL, counters->errors[DIRECTPATH_FAULT_KIND_AER_NONFATAL]) ||
	    put_count(skb, DIRECTPATH_A_STATS_ERRORS_FATAL, counters->errors[DIRECTPATH_FAULT_KIND_AER_FATAL]) ||
	    put_count(skb, DIRECTPATH_A_STATS_ERRORS_IOMMU, counters->errors[DIRECTPATH_FAULT_KIND_IOMMU]) ||
	    nla_put_u32(skb, DIRECTPATH_A_STATS_FAULT_LIMIT, counters->fault_limit))
		return -EMSGSIZE;
	return nla_put_u32(skb, DIRECTPATH_A_STATS_ERROR_POLICY, counters->error_policy);
}

static int put_dev_stats(struct sk_buff *skb, const struct dpath_device *dev, const struct dev_counters *counters)
{
	unsigned int i;

	if (nla_put_string(skb, DIRECTPATH_A_STATS_ADDRESS, dev->address) ||
	    (counters->vm[0] && nla_put_string(skb, DIRECTPATH_A_STATS_VM, counters->vm)) ||
	    put_count(skb, DIRECTPATH_A_STATS_INTERRUPTS, counters->interrupts) ||
	    put_count(skb, DIRECTPATH_A_STATS_CONFIG_READS, counters->config_reads) ||
	    put_count(skb, DIRECTPATH_A_STATS_CONFIG_WRITES, counters->config_writes) ||
	    put_count(skb, DIRECTPATH_A_STATS_CONFIG_DENIED, counters->config_denied) ||
	    put_count(skb, DIRECTPATH_A_STATS_REGION_READS, counters->region_reads) ||
	    put_count(skb, DIRECTPATH_A_STATS_REGION_WRITES, counters->region_writes) ||
	    put_count(skb, DIRECTPATH_A_STATS_FAULTS, counters->faults) ||
	    put_count(skb, DIRECTPATH_A_STATS_RESETS, counters->resets) ||
	    put_count(skb, DIRECTPATH_A_STATS_RESET_FAILURES, counters->reset_failures) ||
	    put_count(skb, DIRECTPATH_A_STATS_RUNS, counters->runs) ||
	    put_count(skb, DIRECTPATH_A_STATS_STORMS, counters->storms) ||
	    nla_put_u32(skb, DIRECTPATH_A_STATS_STORM_RATE, counters->limit.rate) ||
	    nla_put_u32(skb, DIRECTPATH_A_STATS_STORM_BACKOFF, counters->limit.backoff_ms) ||
	    put_errors(skb, counters))
		return -EMSGSIZE;
	for (i = 0; i < counters->nr_vectors; i++)
		if (put_vector(skb, &counters->vectors[i]))
			return -EMSGSIZE;
	return 0;
}

static int put_vm_stats(struct sk_buff *skb, const struct dpath_vm *vm, const struct dpath_vm_facts *facts)
{
	if (nla_put_string(skb, DIRECTPATH_A_STATS_VM, vm->name) ||
	    put_count(skb, DIRECTPATH_A_STATS_MAPS, atomic64_read(&vm->maps)) ||
	    put_count(skb, DIRECTPATH_A_STATS_UNMAPS, atomic64_read(&vm->unmaps)) ||
	    put_count(skb, DIRECTPATH_A_STATS_MAP_US, div_u64(atomic64_read(&vm->map_ns), NSEC_PER_USEC)) ||
	    put_count(skb, DIRECTPATH_A_STATS_UNMAP_US, div_u64(atomic64_read(&vm->unmap_ns), NSEC_PER_USEC)) ||
	    put_count(skb, DIRECTPATH_A_STATS_MAPPED, facts->mapped) ||
	    put_count(skb, DIRECTPATH_A_STATS_PINNED, atomic64_read(&vm->pinned)) ||
	    put_count(skb, DIRECTPATH_A_STATS_AREAS, facts->areas))
		return -EMSGSIZE;
	return 0;
}

#define REGISTERS 128

/* A nest of two strings, two u32 and two u64. A KUnit test keeps the strings that short. */
#define REGISTER_SIZE (nla_total_size(0) + 2 * nla_total_size(sizeof(u32)) + 2 * nla_total_size_64bit(sizeof(u64)) + \
		       nla_total_size(DPATH_CFG_NAME_MAX + 1) + nla_total_size(DPATH_CFG_WHY_MAX + 1))

static int put_register(struct sk_buff *skb, unsigned long index, const struct dpath_register_count *count)
{
	const char *why = READ_ONCE(count->why);
	struct nlattr *nest;

	nest = nla_nest_start(skb, DIRECTPATH_A_STATS_REGISTER);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, DIRECTPATH_A_REGISTER_OFFSET, index * 4) ||
	    nla_put_string(skb, DIRECTPATH_A_REGISTER_WHERE, count->where) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_REGISTER_WRITES, READ_ONCE(count->writes), DIRECTPATH_A_REGISTER_PAD) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_REGISTER_DENIED, READ_ONCE(count->denied), DIRECTPATH_A_REGISTER_PAD) ||
	    (why && (nla_put_u32(skb, DIRECTPATH_A_REGISTER_DENIED_BITS, READ_ONCE(count->bits)) ||
		     nla_put_string(skb, DIRECTPATH_A_REGISTER_WHY, why)))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * A guest that writes everywhere makes 1024 of them. So many do no good, and a reader's buffer has an end: those with denials go first, up to
 * REGISTERS. What did not exist when the reply was sized may not fit; it is in the next one.
 */
static void put_registers(struct sk_buff *skb, struct dpath_device *dev)
{
	struct dpath_register_count *count;
	unsigned int n = 0, pass;
	unsigned long index;

	for (pass = 0; pass < 2; pass++) {
		xa_for_each(&dev->registers, index, count) {
			if ((READ_ONCE(count->denied) ? 0 : 1) != pass)
				continue;
			if (n++ == REGISTERS || put_register(skb, index, count))
				return;
		}
	}
}

static unsigned int nr_registers(struct dpath_device *dev)
{
	struct dpath_register_count *count;
	unsigned long index;
	unsigned int n = 0;

	xa_for_each(&dev->registers, index, count)
		n++;
	return min_t(unsigned int, n, REGISTERS);
}

static int fill_dev_stats(struct sk_buff *msg, struct dpath_device *dev, const struct dev_counters *counters)
{
	int ret;

	ret = put_dev_stats(msg, dev, counters);
	if (ret)
		return ret;
	mutex_lock(&dpath_table_lock);
	ret = dpath_fill_seq(msg, DIRECTPATH_A_STATS_SEQ, dpath_host.seq, DIRECTPATH_A_STATS_PAD);
	mutex_unlock(&dpath_table_lock);
	return ret;
}

static int fill_vm_stats(struct sk_buff *msg, struct dpath_vm *vm)
{
	struct dpath_vm_facts facts;
	int ret;

	ret = dpath_facts_vm(vm, &facts);
	if (ret)
		return ret;
	ret = put_vm_stats(msg, vm, &facts);
	if (ret)
		return ret;
	mutex_lock(&dpath_table_lock);
	ret = dpath_fill_seq(msg, DIRECTPATH_A_STATS_SEQ, dpath_host.seq, DIRECTPATH_A_STATS_PAD);
	mutex_unlock(&dpath_table_lock);
	return ret;
}

/* A vector is a nest of five numbers and two flags. */
#define VECTOR_SIZE (3 * nla_total_size(0) + 3 * nla_total_size(sizeof(u32)) + 2 * nla_total_size_64bit(sizeof(u64)))

static int reply_dev_stats(struct genl_info *info, struct dpath_device *dev)
{
	struct dev_counters counters;
	struct sk_buff *msg;
	void *hdr;
	int ret;

	ret = read_counters(dev, true, &counters);
	if (ret)
		return ret;
	msg = dpath_nl_new_reply(info, NLMSG_DEFAULT_SIZE + counters.nr_vectors * VECTOR_SIZE + nr_registers(dev) * REGISTER_SIZE, &hdr);
	if (!msg) {
		ret = -ENOMEM;
		goto out_free_counters;
	}
	ret = fill_dev_stats(msg, dev, &counters);
	if (ret) {
		nlmsg_free(msg);
	} else {
		put_registers(msg, dev);
		ret = dpath_nl_send_reply(msg, hdr, info);
	}
out_free_counters:
	free_counters(&counters);
	return ret;
}

static int reply_vm_stats(struct genl_info *info, struct dpath_vm *vm)
{
	struct sk_buff *msg;
	void *hdr;
	int ret;

	msg = dpath_nl_new_reply(info, NLMSG_DEFAULT_SIZE, &hdr);
	if (!msg)
		return -ENOMEM;
	ret = fill_vm_stats(msg, vm);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return dpath_nl_send_reply(msg, hdr, info);
}

static int get_dev_stats(struct sk_buff *skb, struct genl_info *info, const struct nlattr *address)
{
	unsigned int domain, bus, devfn;
	struct dpath_device *dev;
	char canonical[32];
	int ret;

	ret = dpath_match_address(nla_data(address), &domain, &bus, &devfn);
	if (ret)
		return dpath_nl_refuse(skb, address, ret, "'%s' is no address of a function; write it as 0000:3b:00.0",
			      (const char *)nla_data(address));
	scnprintf(canonical, sizeof(canonical), "%04x:%02x:%02x.%x", domain, bus, PCI_SLOT(devfn), PCI_FUNC(devfn));
	dev = dpath_device_lookup(canonical);
	if (!dev)
		return dpath_nl_refuse(skb, address, -ENOENT, "%s was never claimed: nothing is counted", canonical);
	ret = reply_dev_stats(info, dev);
	dpath_device_put(dev);
	return ret;
}

int directpath_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *address = info->attrs[DIRECTPATH_A_STATS_ADDRESS];
	const struct nlattr *name = info->attrs[DIRECTPATH_A_STATS_VM];
	struct dpath_vm *vm;
	int ret;

	if (address && name)
		return dpath_nl_refuse(skb, name, -EINVAL, "address or vm, not both");
	if (address)
		return get_dev_stats(skb, info, address);
	if (!name)
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_STATS_ADDRESS, "address or vm is missing: whose counters?");
	vm = dpath_vm_lookup(nla_data(name));
	if (!vm)
		return dpath_nl_refuse(skb, name, -ENOENT, "there is no VM '%s'", (const char *)nla_data(name));
	ret = reply_vm_stats(info, vm);
	dpath_vm_put(vm);
	return ret;
}

/* The known function with the next address after @key, referenced. */
static struct dpath_device *next_device(u64 key)
{
	struct dpath_device *dev, *best = NULL;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node) {
		if (dpath_nl_function_key(dev->pdev) <= key)
			continue;
		if (!best || dpath_nl_function_key(dev->pdev) < dpath_nl_function_key(best->pdev))
			best = dev;
	}
	if (best)
		dpath_device_get(best);
	mutex_unlock(&dpath_table_lock);
	return best;
}

static int dump_dev_stats(struct sk_buff *skb, struct netlink_callback *cb, struct dpath_device *dev)
{
	struct dev_counters counters;
	void *hdr;
	int ret;

	hdr = dpath_nl_put_dump(skb, cb, DIRECTPATH_CMD_STATS_GET);
	if (!hdr)
		return -EMSGSIZE;
	ret = read_counters(dev, false, &counters);
	if (!ret)
		ret = fill_dev_stats(skb, dev, &counters);
	if (ret)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return ret;
}

static int dump_vm_stats(struct sk_buff *skb, struct netlink_callback *cb, struct dpath_vm *vm)
{
	void *hdr;
	int ret;

	hdr = dpath_nl_put_dump(skb, cb, DIRECTPATH_CMD_STATS_GET);
	if (!hdr)
		return -EMSGSIZE;
	ret = fill_vm_stats(skb, vm);
	if (ret)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return ret;
}

/* All functions, then all VMs. */
struct stats_cursor {
	u64 key;
	char name[DIRECTPATH_NAME_MAX + 1];
};

int directpath_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct stats_cursor *cursor = (void *)cb->ctx;
	struct dpath_device *dev;
	struct dpath_vm *vm;
	int ret;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));
	ret = dpath_nl_start_dump(cb);
	while (!ret) {
		dev = next_device(cursor->key);
		if (!dev)
			break;
		do {
			ret = dump_dev_stats(skb, cb, dev);
		} while (dpath_nl_grow_dump(skb, ret));
		if (!ret)
			cursor->key = dpath_nl_function_key(dev->pdev);
		dpath_device_put(dev);
	}
	while (!ret) {
		vm = dpath_nl_next_vm(cursor->name);
		if (!vm)
			break;
		cursor->key = U64_MAX;
		do {
			ret = dump_vm_stats(skb, cb, vm);
		} while (dpath_nl_grow_dump(skb, ret));
		if (!ret)
			strscpy(cursor->name, vm->name, sizeof(cursor->name));
		dpath_vm_put(vm);
	}
	return dpath_nl_end_dump(skb, ret);
}
