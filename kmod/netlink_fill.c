// SPDX-License-Identifier: GPL-2.0
/*
 * Objects as netlink attributes.
 *
 * A message about an object is made of two parts. The facts come from hardware, from the IOMMU layer, from locks of a lease or a space; they are
 * collected with no lock held. The fields of the owner table are copied under dpath_table_lock, which nests inside everything, so the facts come
 * first and may be a moment older than the fields. Neither part refers to the other, so each is consistent in itself.
 *
 * Nothing here says where memory is: BARs are sizes, never addresses, and IOVAs are counted, never listed.
 */

#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include <uapi/linux/directpath_nl.h>
#ifdef CONFIG_IRQ_REMAP
#include <asm/irq_remapping.h>
#endif

#include "device.h"
#include "host.h"
#include "irq.h"
#include "lease.h"
#include "netlink_fill.h"
#include "op.h"
#include "set.h"
#include "space.h"
#include "state.h"
#include "vm.h"

int dpath_fill_seq(struct sk_buff *skb, int attr, u64 seq, int pad)
{
	return nla_put_u64_64bit(skb, attr, seq, pad);
}

/* Empty strings are left out: absent means none. */
static int put_text(struct sk_buff *skb, int attr, const char *text)
{
	return text[0] ? nla_put_string(skb, attr, text) : 0;
}

static int put_flag(struct sk_buff *skb, int attr, bool flag)
{
	return flag ? nla_put_flag(skb, attr) : 0;
}

/* What is not set is left out. */
static int put_storm(struct sk_buff *skb, int rate_attr, int backoff_attr, const struct dpath_storm_setting *setting)
{
	if (setting->rate_given && nla_put_u32(skb, rate_attr, setting->limit.rate))
		return -EMSGSIZE;
	return setting->backoff_given ? nla_put_u32(skb, backoff_attr, setting->limit.backoff_ms) : 0;
}

static int put_error_policy(struct sk_buff *skb, int attr, enum directpath_error_policy policy)
{
	return policy != DIRECTPATH_ERROR_POLICY_DEFAULT ? nla_put_u32(skb, attr, policy) : 0;
}

static int put_reason(struct sk_buff *skb, int attr, const struct dpath_reason *reason)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, attr);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, DIRECTPATH_A_REASON_CODE, reason->code) ||
	    put_text(skb, DIRECTPATH_A_REASON_CULPRIT, reason->culprit) ||
	    put_text(skb, DIRECTPATH_A_REASON_FIX, reason->fix) ||
	    put_flag(skb, DIRECTPATH_A_REASON_BLOCKING, reason->blocking) ||
	    put_flag(skb, DIRECTPATH_A_REASON_FORCEABLE, reason->forceable)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_reasons(struct sk_buff *skb, int attr, const struct dpath_verdict *verdict)
{
	unsigned int i;

	for (i = 0; i < verdict->nr; i++)
		if (put_reason(skb, attr, &verdict->reasons[i]))
			return -EMSGSIZE;
	return 0;
}

/*
 * Two have to agree: the remapping unit, whose driver says what it can, and KVM, whose parameters enable_apicv and avic are its own business; what it
 * did shows in the vectors that it is connected to.
 */
static void learn_posted(struct dpath_host_facts *facts)
{
#ifdef CONFIG_IRQ_REMAP
	if (irq_remapping_cap(IRQ_POSTING_CAP)) {
		facts->posted = DIRECTPATH_POSTED_ON;
		facts->posted_source = "the interrupt remapping driver says that its units can";
	} else {
		facts->posted = DIRECTPATH_POSTED_OFF;
		facts->posted_source = facts->intremap ? "the interrupt remapping driver says that its units cannot, or may not" :
							 "interrupts are not remapped";
	}
#else
	facts->posted = DIRECTPATH_POSTED_UNKNOWN;
	facts->posted_source = "this kernel has no interrupt remapping to ask";
#endif
}

/* Remapping and posting are properties of the IOMMU units; the first function behind one speaks for the host. */
void dpath_facts_host(struct dpath_host_facts *facts)
{
	struct pci_dev *pdev = NULL;

	facts->iommu = dpath_verdict_iommu_driver();
	facts->intremap = false;
	for_each_pci_dev(pdev) {
		if (!device_iommu_mapped(&pdev->dev))
			continue;
		facts->intremap = dpath_verdict_intremap(pdev);
		pci_dev_put(pdev);
		break;
	}
	learn_posted(facts);
}

static unsigned int count_vms_locked(void)
{
	const struct dpath_vm *vm;
	unsigned int n = 0;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(vm, &dpath_vms, node)
		n++;
	return n;
}

static unsigned int count_claimed_locked(void)
{
	const struct dpath_device *dev;
	unsigned int n = 0;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		n += dpath_state_claimed(dev->state);
	return n;
}

/**
 * dpath_fill_host_locked - settings and totals of the host
 * @skb: message
 * @facts: what the hardware says, or NULL in an event
 *
 * Return: 0 or -EMSGSIZE.
 */
int dpath_fill_host_locked(struct sk_buff *skb, const struct dpath_host_facts *facts)
{
	const char *version = THIS_MODULE->version;

	lockdep_assert_held(&dpath_table_lock);
	if (put_text(skb, DIRECTPATH_A_HOST_VERSION, version ?: ""))
		return -EMSGSIZE;
	if (facts && (put_text(skb, DIRECTPATH_A_HOST_IOMMU, facts->iommu ?: "") ||
		      nla_put_u8(skb, DIRECTPATH_A_HOST_INTREMAP, facts->intremap) ||
		      nla_put_u32(skb, DIRECTPATH_A_HOST_POSTED, facts->posted) ||
		      nla_put_string(skb, DIRECTPATH_A_HOST_POSTED_SOURCE, facts->posted_source) ||
		      nla_put_u32(skb, DIRECTPATH_A_HOST_VECTORS_BYPASSED, dpath_irq_bypassed())))
		return -EMSGSIZE;
	if (nla_put_u8(skb, DIRECTPATH_A_HOST_ADHOC, dpath_host.adhoc) ||
	    nla_put_u8(skb, DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, dpath_host.unsafe_interrupts) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_VECTOR_BUDGET, dpath_host.vector_budget) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_VECTORS_USED, atomic_read(&dpath_host.vectors_used)) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, dpath_host.unbind_deadline_ms) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_RESET_DEADLINE_MS, dpath_host.reset_deadline_ms) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, dpath_host.revoke_deadline_ms) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_DEVICES_CLAIMED, count_claimed_locked()) ||
	    nla_put_u32(skb, DIRECTPATH_A_HOST_VMS, count_vms_locked()) ||
	    nla_put_u8(skb, DIRECTPATH_A_HOST_DOOR_VFIO, dpath_host.door_vfio))
		return -EMSGSIZE;
	return 0;
}

static void read_opts(struct pci_dev *pdev, struct dpath_verdict_opts *opts, bool *claimed)
{
	const struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(pci_name(pdev));
	opts->unsafe_interrupts = dpath_host.unsafe_interrupts;
	opts->consent_none = dev && dev->policy.consent_none;
	*claimed = dev && dpath_state_claimed(dev->state);
	mutex_unlock(&dpath_table_lock);
}

static int collect_members(struct pci_dev *pdev, struct dpath_members *members)
{
	struct iommu_group *group;
	int ret;

	group = iommu_group_get(&pdev->dev);
	if (!group)
		return 0;
	ret = dpath_group_members(group, members);
	iommu_group_put(group);
	return ret;
}

/* What directpath itself has against it: kept from every VM until an admin acts. */
static void add_own_reasons(struct pci_dev *pdev, struct dpath_verdict *verdict)
{
	const struct dpath_device *dev;
	bool mismatch, dirty, resting;
	char detail[sizeof(dev->detail)] = "", hook[sizeof(dev->clean_hook)] = "";

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(pci_name(pdev));
	mismatch = dev && dev->state == DIRECTPATH_STATE_QUARANTINED && dev->mismatch;
	dirty = dev && dpath_device_dirty_locked(dev) && (dev->state == DIRECTPATH_STATE_DIRTY || dev->state == DIRECTPATH_STATE_HOST);
	resting = dirty && dev->state == DIRECTPATH_STATE_DIRTY;
	if (mismatch)
		strscpy(detail, dev->detail, sizeof(detail));
	if (dirty)
		strscpy(hook, dev->clean_hook, sizeof(hook));
	mutex_unlock(&dpath_table_lock);

	if (mismatch)
		dpath_verdict_add(verdict, DIRECTPATH_REASON_IDENTITY_MISMATCH, true, true, "dev accept it if that is as it should be", "%s", detail);
	/* The host may have it, and claim it: it will be dirty then. */
	if (dirty)
		dpath_verdict_add(verdict, DIRECTPATH_REASON_DIRTY, resting, true, "dev clean it when it is claimed",
				  "a tenant has left it and its cleaning hook %s has not run", hook);
}

/**
 * dpath_facts_dev - verdict, members and interrupts of a function
 * @pdev: the function
 *
 * A function that the host still uses gets the reasons why it should not be taken from its driver, too: they decide whether a claim would succeed.
 *
 * Context: process context, no lock held.
 * Return: facts to be freed by dpath_facts_dev_free(), or NULL for lack of memory.
 */
struct dpath_dev_facts *dpath_facts_dev(struct pci_dev *pdev)
{
	struct dpath_verdict_opts opts;
	struct dpath_dev_facts *facts;
	bool claimed;

	facts = kzalloc(sizeof(*facts), GFP_KERNEL);
	if (!facts)
		return NULL;

	read_opts(pdev, &opts, &claimed);
	dpath_verdict_collect(pdev, &opts, &facts->verdict);
	if (!claimed)
		dpath_verdict_in_use(pdev, &facts->verdict);
	add_own_reasons(pdev, &facts->verdict);
	if (collect_members(pdev, &facts->members))
		facts->members.nr = 0;
	if (dpath_reset_format_methods(pdev, facts->methods, sizeof(facts->methods)) < 0)
		facts->methods[0] = '\0';
	facts->msix = max(pci_msix_vec_count(pdev), 0);
	facts->msi = max(pci_msi_vec_count(pdev), 0);
	return facts;
}

void dpath_facts_dev_free(struct dpath_dev_facts *facts)
{
	if (!facts)
		return;
	if (facts->members.nr)
		dpath_group_put_members(&facts->members);
	kfree(facts);
}

static int put_bar(struct sk_buff *skb, struct pci_dev *pdev, unsigned int index)
{
	unsigned long flags = pci_resource_flags(pdev, index);
	struct nlattr *nest;

	nest = nla_nest_start(skb, DIRECTPATH_A_DEV_BAR);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, DIRECTPATH_A_BAR_INDEX, index) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_BAR_SIZE, pci_resource_len(pdev, index), DIRECTPATH_A_BAR_PAD) ||
	    put_flag(skb, DIRECTPATH_A_BAR_PREFETCHABLE, flags & IORESOURCE_PREFETCH) ||
	    put_flag(skb, DIRECTPATH_A_BAR_IO, flags & IORESOURCE_IO)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_set(struct sk_buff *skb, struct pci_dev *pdev)
{
	struct iommu_group *group = iommu_group_get(&pdev->dev);
	int ret;

	if (!group)
		return 0;
	ret = nla_put_u32(skb, DIRECTPATH_A_DEV_SET, iommu_group_id(group));
	iommu_group_put(group);
	return ret;
}

/* What the PCI core keeps in memory: no config access, no lock. */
static int fill_function(struct sk_buff *skb, struct pci_dev *pdev)
{
	unsigned int i;
	char driver[32];

	dpath_device_driver_name(pdev, driver, sizeof(driver));
	if (nla_put_string(skb, DIRECTPATH_A_DEV_ADDRESS, pci_name(pdev)) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_VENDOR, pdev->vendor) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_DEVICE, pdev->device) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_SUBVENDOR, pdev->subsystem_vendor) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_SUBDEVICE, pdev->subsystem_device) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_CLASS, pdev->class) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_REVISION, pdev->revision) ||
	    nla_put_s32(skb, DIRECTPATH_A_DEV_NUMA, dev_to_node(&pdev->dev)) ||
	    put_text(skb, DIRECTPATH_A_DEV_DRIVER, driver) ||
	    put_set(skb, pdev))
		return -EMSGSIZE;
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return 0;	/* resources of a bridge are windows */
	for (i = 0; i <= PCI_ROM_RESOURCE; i++)
		if (pci_resource_len(pdev, i) && put_bar(skb, pdev, i))
			return -EMSGSIZE;
	return 0;
}

static int fill_facts(struct sk_buff *skb, struct pci_dev *pdev, const struct dpath_dev_facts *facts)
{
	unsigned int i;

	if (nla_put_u32(skb, DIRECTPATH_A_DEV_VERDICT, facts->verdict.verdict) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_GRADE, facts->verdict.grade) ||
	    put_text(skb, DIRECTPATH_A_DEV_RESET_METHODS, facts->methods) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_MSIX, facts->msix) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_MSI, facts->msi))
		return -EMSGSIZE;
	for (i = 0; i < facts->members.nr; i++)
		if (facts->members.pdev[i] != pdev &&
		    nla_put_string(skb, DIRECTPATH_A_DEV_SET_MEMBER, pci_name(facts->members.pdev[i])))
			return -EMSGSIZE;
	return put_reasons(skb, DIRECTPATH_A_DEV_REASON, &facts->verdict);
}

static int fill_set_locked(struct sk_buff *skb, const struct dpath_device *dev, bool members)
{
	const struct dpath_set *set = dev->set;
	const struct dpath_device *member;
	const struct dpath_vm *vm;

	lockdep_assert_held(&dpath_table_lock);
	if (!set)
		return 0;
	vm = set->vm;
	if (set->busy && nla_put_string(skb, DIRECTPATH_A_DEV_BUSY, set->busy))
		return -EMSGSIZE;
	if (vm && nla_put_string(skb, DIRECTPATH_A_DEV_VM, vm->name))
		return -EMSGSIZE;
	if (vm && dev->state == DIRECTPATH_STATE_RUNNING && nla_put_u32(skb, DIRECTPATH_A_DEV_OWNER_PID, vm->pid))
		return -EMSGSIZE;
	if (!members)
		return 0;
	list_for_each_entry(member, &set->devices, set_node)
		if (member != dev && nla_put_string(skb, DIRECTPATH_A_DEV_SET_MEMBER, member->address))
			return -EMSGSIZE;
	return 0;
}

static int fill_resets_locked(struct sk_buff *skb, const struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!dev->bound)
		return 0;
	if (nla_put_u64_64bit(skb, DIRECTPATH_A_DEV_RESETS, atomic64_read(&dev->reset.count), DIRECTPATH_A_DEV_PAD) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_RESET_MS, READ_ONCE(dev->reset.last_ms)))
		return -EMSGSIZE;
	if (atomic64_read(&dev->reset.count))
		return nla_put_string(skb, DIRECTPATH_A_DEV_RESET_METHOD, dpath_reset_name(READ_ONCE(dev->reset.last_method)));
	return 0;
}

static int fill_acceptance_locked(struct sk_buff *skb, const struct dpath_device *dev)
{
	const struct dpath_acceptance *accepted = &dev->accepted;
	struct nlattr *nest;

	lockdep_assert_held(&dpath_table_lock);
	if (!accepted->who.comm[0])
		return 0;
	nest = nla_nest_start(skb, DIRECTPATH_A_DEV_ACCEPTED);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, DIRECTPATH_A_ACCEPTANCE_UID, accepted->who.uid) ||
	    nla_put_u32(skb, DIRECTPATH_A_ACCEPTANCE_PID, accepted->who.pid) ||
	    nla_put_string(skb, DIRECTPATH_A_ACCEPTANCE_COMM, accepted->who.comm) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_ACCEPTANCE_TIME, accepted->time, DIRECTPATH_A_ACCEPTANCE_PAD) ||
	    put_text(skb, DIRECTPATH_A_ACCEPTANCE_CHANGE, accepted->change)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_state_locked(struct sk_buff *skb, const struct dpath_device *dev)
{
	char detail[sizeof(dev->detail) + 32], policy[64];
	unsigned int vectors = 0;

	lockdep_assert_held(&dpath_table_lock);
	dpath_device_describe_locked((struct dpath_device *)dev, detail, sizeof(detail));
	/* Its own order is no policy. */
	if ((!dev->policy.nr && !dev->policy.consent_none) ||
	    dpath_reset_format_policy(&dev->policy, policy, sizeof(policy)) < 0)
		policy[0] = '\0';
	/* Racy on purpose: irqs->lock is outside the table lock, and the number is for people. */
	if (dev->lease)
		vectors = READ_ONCE(dev->lease->irqs.used);
	if (nla_put_u32(skb, DIRECTPATH_A_DEV_STATE, dev->state) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_DEV_STATE_MS, ktime_ms_delta(ktime_get(), dev->since), DIRECTPATH_A_DEV_PAD) ||
	    put_text(skb, DIRECTPATH_A_DEV_DETAIL, detail) ||
	    put_text(skb, DIRECTPATH_A_DEV_NAME, dev->name) ||
	    put_text(skb, DIRECTPATH_A_DEV_LABEL, dev->label) ||
	    put_text(skb, DIRECTPATH_A_DEV_HOST_DRIVER, dev->host_driver) ||
	    put_text(skb, DIRECTPATH_A_DEV_RESET_POLICY, policy) ||
	    put_flag(skb, DIRECTPATH_A_DEV_BY_HAND, dev->by_hand) ||
	    put_text(skb, DIRECTPATH_A_DEV_CLEAN_HOOK, dev->clean_hook) ||
	    put_storm(skb, DIRECTPATH_A_DEV_STORM_RATE, DIRECTPATH_A_DEV_STORM_BACKOFF, &dev->storm) ||
	    put_error_policy(skb, DIRECTPATH_A_DEV_ERROR_POLICY, dev->errors.policy) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_DEV_ERRORS, dev->errors.count[DIRECTPATH_FAULT_KIND_AER_NONFATAL] +
			      dev->errors.count[DIRECTPATH_FAULT_KIND_AER_FATAL], DIRECTPATH_A_DEV_PAD) ||
	    (dev->errors.fault_limit != DIRECTPATH_FAULT_LIMIT_DEFAULT &&
	     nla_put_u32(skb, DIRECTPATH_A_DEV_FAULT_LIMIT, dev->errors.fault_limit)) ||
	    fill_acceptance_locked(skb, dev) ||
	    nla_put_u32(skb, DIRECTPATH_A_DEV_VECTORS, vectors))
		return -EMSGSIZE;
	return fill_resets_locked(skb, dev);
}

/**
 * dpath_fill_dev_locked - one function
 * @skb: message
 * @pdev: the function
 * @dev: its object, or NULL if directpath does not know it
 * @facts: what the hardware says, or NULL in an event
 *
 * Return: 0 or -EMSGSIZE.
 */
int dpath_fill_dev_locked(struct sk_buff *skb, struct pci_dev *pdev, const struct dpath_device *dev, const struct dpath_dev_facts *facts)
{
	lockdep_assert_held(&dpath_table_lock);
	if (fill_function(skb, pdev))
		return -EMSGSIZE;
	if (facts && fill_facts(skb, pdev, facts))
		return -EMSGSIZE;
	if (!dev)
		return nla_put_u32(skb, DIRECTPATH_A_DEV_STATE, DIRECTPATH_STATE_HOST);
	if (fill_state_locked(skb, dev))
		return -EMSGSIZE;
	return fill_set_locked(skb, dev, !facts);
}

/*
 * The spaces of a VM with a reference each. A space leaves the list in its release, which may have begun.
 */
static unsigned int get_spaces_locked(struct dpath_vm *vm, struct dpath_space **spaces, unsigned int max)
{
	struct dpath_space *space;
	unsigned int n = 0;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(space, &vm->spaces, node)
		if (n < max && kref_get_unless_zero(&space->ref))
			spaces[n++] = space;
	return n;
}

static unsigned int count_spaces_locked(const struct dpath_vm *vm)
{
	const struct dpath_space *space;
	unsigned int n = 0;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(space, &vm->spaces, node)
		n++;
	return n;
}

/**
 * dpath_facts_vm - sums over the spaces of a VM
 * @vm: the VM
 * @facts: sums
 *
 * Context: process context, no lock held: the locks of a space are outside the table lock.
 * Return: 0 or -ENOMEM.
 */
int dpath_facts_vm(struct dpath_vm *vm, struct dpath_vm_facts *facts)
{
	struct dpath_space **spaces;
	struct dpath_space_info info;
	unsigned int i, n;

	memset(facts, 0, sizeof(*facts));
	mutex_lock(&dpath_table_lock);
	n = count_spaces_locked(vm);
	mutex_unlock(&dpath_table_lock);
	if (!n)
		return 0;

	spaces = kcalloc(n, sizeof(*spaces), GFP_KERNEL);
	if (!spaces)
		return -ENOMEM;
	mutex_lock(&dpath_table_lock);
	n = get_spaces_locked(vm, spaces, n);
	mutex_unlock(&dpath_table_lock);

	for (i = 0; i < n; i++) {
		dpath_space_info(spaces[i], &info);
		facts->areas += info.areas;
		facts->mapped += info.mapped;
		dpath_space_put(spaces[i]);
	}
	kfree(spaces);
	return 0;
}

static int put_cpus(struct sk_buff *skb, const struct cpumask *cpus)
{
	struct nlattr *attr;
	int len;

	if (cpumask_empty(cpus))
		return 0;
	len = snprintf(NULL, 0, "%*pbl", cpumask_pr_args(cpus)) + 1;
	attr = nla_reserve(skb, DIRECTPATH_A_VM_CPUS, len);
	if (!attr)
		return -EMSGSIZE;
	snprintf(nla_data(attr), len, "%*pbl", cpumask_pr_args(cpus));
	return 0;
}

static int fill_vm_devices_locked(struct sk_buff *skb, const struct dpath_vm *vm)
{
	const struct dpath_device *dev;
	const struct dpath_set *set;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(set, &vm->sets, vm_node)
		list_for_each_entry(dev, &set->devices, set_node)
			if (nla_put_string(skb, DIRECTPATH_A_VM_DEVICE, dev->address))
				return -EMSGSIZE;
	return 0;
}

/**
 * dpath_fill_vm_locked - one VM
 * @skb: message
 * @vm: the VM
 * @facts: sums over its spaces, or NULL in an event
 *
 * Return: 0 or -EMSGSIZE.
 */
int dpath_fill_vm_locked(struct sk_buff *skb, const struct dpath_vm *vm, const struct dpath_vm_facts *facts)
{
	bool running = dpath_vm_running_locked(vm);

	lockdep_assert_held(&dpath_table_lock);
	if (nla_put_string(skb, DIRECTPATH_A_VM_NAME, vm->name) ||
	    nla_put(skb, DIRECTPATH_A_VM_UUID, sizeof(vm->uuid), &vm->uuid) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_UID, from_kuid_munged(&init_user_ns, vm->uid)) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_GID, from_kgid_munged(&init_user_ns, vm->gid)) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_MAX_DEVICES, vm->limits.devices) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_MAX_VECTORS, vm->limits.vectors) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_VM_MAX_PINNED, vm->limits.pinned, DIRECTPATH_A_VM_PAD) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_STATE, running ? DIRECTPATH_VM_STATE_RUNNING : DIRECTPATH_VM_STATE_OFF) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_SPACES, count_spaces_locked(vm)) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_VM_PINNED, atomic64_read(&vm->pinned), DIRECTPATH_A_VM_PAD) ||
	    nla_put_u32(skb, DIRECTPATH_A_VM_VECTORS, atomic_read(&vm->vectors)) ||
	    put_flag(skb, DIRECTPATH_A_VM_ADHOC, vm->adhoc))
		return -EMSGSIZE;
	if (running && nla_put_u32(skb, DIRECTPATH_A_VM_PID, vm->pid))
		return -EMSGSIZE;
	if (facts && (nla_put_u64_64bit(skb, DIRECTPATH_A_VM_AREAS, facts->areas, DIRECTPATH_A_VM_PAD) ||
		      nla_put_u64_64bit(skb, DIRECTPATH_A_VM_MAPPED, facts->mapped, DIRECTPATH_A_VM_PAD)))
		return -EMSGSIZE;
	if (put_cpus(skb, &vm->cpus) || put_storm(skb, DIRECTPATH_A_VM_STORM_RATE, DIRECTPATH_A_VM_STORM_BACKOFF, &vm->storm) ||
	    put_error_policy(skb, DIRECTPATH_A_VM_ERROR_POLICY, vm->error_policy) ||
	    (vm->fault_limit && nla_put_u32(skb, DIRECTPATH_A_VM_FAULT_LIMIT, vm->fault_limit)))
		return -EMSGSIZE;
	return fill_vm_devices_locked(skb, vm);
}

/**
 * dpath_fill_op_locked - one operation
 * @skb: message
 * @op: the operation
 *
 * Return: 0 or -EMSGSIZE.
 */
int dpath_fill_op_locked(struct sk_buff *skb, const struct dpath_op *op)
{
	u64 ms = op->done ? op->elapsed_ms : ktime_ms_delta(ktime_get(), op->start);

	lockdep_assert_held(&dpath_table_lock);
	if (nla_put_u32(skb, DIRECTPATH_A_OP_ID, op->id) ||
	    nla_put_u32(skb, DIRECTPATH_A_OP_KIND, op->kind) ||
	    put_text(skb, DIRECTPATH_A_OP_ADDRESS, op->address) ||
	    put_text(skb, DIRECTPATH_A_OP_VM, op->vm_name) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_OP_ELAPSED_MS, ms, DIRECTPATH_A_OP_PAD))
		return -EMSGSIZE;
	if (!op->done)
		return 0;
	if (nla_put_flag(skb, DIRECTPATH_A_OP_DONE) ||
	    nla_put_u32(skb, DIRECTPATH_A_OP_ERROR, abs(op->error)) ||
	    put_text(skb, DIRECTPATH_A_OP_MESSAGE, op->message))
		return -EMSGSIZE;
	return op->verdict ? put_reasons(skb, DIRECTPATH_A_OP_REASON, op->verdict) : 0;
}

/**
 * dpath_fill_fault_locked - one error of a function
 * @skb: message
 * @dev: the function
 * @fault: the error
 *
 * Return: 0 or -EMSGSIZE.
 */
int dpath_fill_fault_locked(struct sk_buff *skb, const struct dpath_device *dev, const struct dpath_fault *fault)
{
	lockdep_assert_held(&dpath_table_lock);
	if (nla_put_string(skb, DIRECTPATH_A_FAULT_ADDRESS, dev->address) ||
	    put_text(skb, DIRECTPATH_A_FAULT_NAME, dev->name) ||
	    (dev->set && dev->set->vm && nla_put_string(skb, DIRECTPATH_A_FAULT_VM, dev->set->vm->name)) ||
	    nla_put_u32(skb, DIRECTPATH_A_FAULT_KIND, fault->kind) ||
	    nla_put_u64_64bit(skb, DIRECTPATH_A_FAULT_COUNT, fault->count, DIRECTPATH_A_FAULT_PAD) ||
	    nla_put_u32(skb, DIRECTPATH_A_FAULT_ACTION, fault->action))
		return -EMSGSIZE;
	if (fault->has_iova && (nla_put_u64_64bit(skb, DIRECTPATH_A_FAULT_IOVA, fault->iova, DIRECTPATH_A_FAULT_PAD) ||
				put_flag(skb, DIRECTPATH_A_FAULT_WRITE, fault->write)))
		return -EMSGSIZE;
	return fault->has_status ? nla_put_u32(skb, DIRECTPATH_A_FAULT_STATUS, fault->status) : 0;
}
