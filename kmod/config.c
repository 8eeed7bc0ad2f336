// SPDX-License-Identifier: GPL-2.0
/*
 * Config space of one lease. cfgperm.c knows which bit comes from where; this file brings the hardware and does what some writes mean: decode,
 * INTx, power state, function level reset, read request size, VPD.
 *
 * BARs are sized by their masks: the bits below the size are not writable and read as the flags, so that ones written come back as the size. They
 * start at 0, like after a reset, and never show a host address; the hardware's are not touched.
 *
 * dpath_config.lock is held around each naturally aligned access of at most four bytes, which is what hardware would see. What such an access sets
 * off and may take long runs after it, without the lock: a guest reset, a change of the power state, a read of VPD. So dpath_config_kill(), and a
 * revoke with it, waits for none of them, and a reset, whose end takes the lock, is never waited for under it. Order: config lock, then the locks
 * of mmio, of interrupts and of the space, by way of the ops.
 *
 * The hardware is accessed under pci_cfg_access_trylock() and not by the pci_user_*() calls: those wait while a reset has the function, which may
 * be a minute. What a guest sees instead is what bare metal shows during a reset: reads answer ones, writes are lost, with all that they would have
 * set off. Who resets by a trylock meets this one for some microseconds and has to try again. A change of the power state keeps config access from
 * the write on: it saves and restores config space as a reset does, and each would undo the other.
 */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

#include "cfgperm.h"
#include "config.h"

/* A register may span several accesses or share one; both ask by byte. */
static bool covers(unsigned int offset, unsigned int width, unsigned int reg)
{
	return reg >= offset && reg < offset + width;
}

static u8 byte_at(u32 value, unsigned int offset, unsigned int reg)
{
	return value >> ((reg - offset) * 8);
}

static u32 ones(unsigned int width)
{
	return GENMASK(width * 8 - 1, 0);
}

static u32 read_hw(struct pci_dev *pdev, unsigned int offset, unsigned int width)
{
	u32 dword = ~0U;
	u16 word = ~0;
	u8 byte = ~0;

	switch (width) {
	case 1:
		pci_read_config_byte(pdev, offset, &byte);
		return byte;
	case 2:
		pci_read_config_word(pdev, offset, &word);
		return word;
	default:
		pci_read_config_dword(pdev, offset, &dword);
		return dword;
	}
}

/* Write the bytes that @lanes names and no others, in accesses as wide as that allows. */
static void write_hw(struct pci_dev *pdev, unsigned int offset, unsigned int width, u32 value, u32 lanes)
{
	unsigned int half = width / 2;

	lanes &= ones(width);
	if (!lanes)
		return;
	if (lanes != ones(width)) {
		write_hw(pdev, offset, half, value, lanes);
		write_hw(pdev, offset + half, half, value >> (half * 8), lanes >> (half * 8));
		return;
	}
	switch (width) {
	case 1:
		pci_write_config_byte(pdev, offset, value);
		break;
	case 2:
		pci_write_config_word(pdev, offset, value);
		break;
	default:
		pci_write_config_dword(pdev, offset, value);
		break;
	}
}

static int read_for_walk(void *ctx, unsigned int offset, u32 *value)
{
	return pcibios_err_to_errno(pci_read_config_dword(ctx, offset, value));
}

/* Address bits of a BAR: those that do not lie within it. */
static u64 bar_mask(struct pci_dev *pdev, int index)
{
	u64 size = pci_resource_len(pdev, index);

	return size ? ~(roundup_pow_of_two(size) - 1) : 0;
}

static void set_virtual(struct dpath_cfgmap *map, unsigned int offset, u32 value, u32 write)
{
	dpath_cfgmap_set(map, offset, 4, &(struct dpath_cfg_bits){ .shadow = value, .virt = ~0U, .write = write });
}

static void init_bars(struct dpath_config *cfg)
{
	struct pci_dev *pdev = cfg->pdev;
	unsigned long flags;
	unsigned int offset;
	u32 low;
	u64 mask;
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		flags = pci_resource_flags(pdev, i);
		offset = PCI_BASE_ADDRESS_0 + 4 * i;
		mask = bar_mask(pdev, i);
		if (!mask)
			continue;
		if (flags & IORESOURCE_IO) {
			set_virtual(cfg->map, offset, PCI_BASE_ADDRESS_SPACE_IO, mask & PCI_BASE_ADDRESS_IO_MASK);
			continue;
		}
		cfg->has_mem = true;
		low = flags & IORESOURCE_PREFETCH ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0;
		if (flags & IORESOURCE_MEM_64)
			low |= PCI_BASE_ADDRESS_MEM_TYPE_64;
		set_virtual(cfg->map, offset, low, mask & PCI_BASE_ADDRESS_MEM_MASK);
		/* The upper half has no resource of its own: the PCI core leaves the next slot empty. */
		if (flags & IORESOURCE_MEM_64 && i + 1 < PCI_STD_NUM_BARS)
			set_virtual(cfg->map, offset + 4, 0, mask >> 32);
	}
	mask = bar_mask(pdev, PCI_ROM_RESOURCE);
	if (mask)
		set_virtual(cfg->map, PCI_ROM_ADDRESS, 0, (mask & PCI_ROM_ADDRESS_MASK) | PCI_ROM_ADDRESS_ENABLE);
}

/* What is not in config space or must not be believed there. */
static void init_registers(struct dpath_config *cfg)
{
	struct dpath_cfgmap *map = cfg->map;
	struct pci_dev *pdev = cfg->pdev;

	set_virtual(map, PCI_VENDOR_ID, pdev->vendor | (u32)pdev->device << 16, 0);
	if (!pdev->irq)
		map->shadow[PCI_INTERRUPT_PIN] = 0;
	/* A virtual function has no enable bit for memory; it decodes as the physical one says (SR-IOV 1.1, 3.4.1.3). */
	if (pdev->no_command_memory) {
		map->virt[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
		map->shadow[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
	}
	/* The flag is the most significant bit of the dword. */
	if (cfg->exp && pdev->dev_flags & PCI_DEV_FLAGS_NO_FLR_RESET)
		map->shadow[cfg->exp + PCI_EXP_DEVCAP + 3] &= ~(PCI_EXP_DEVCAP_FLR >> 24);
}

static u16 find_cap(struct dpath_config *cfg, u16 id)
{
	const struct dpath_cfgcap *cap = dpath_cfgmap_find(cfg->map, id, false);

	return cap ? cap->pos : 0;
}

/* Adopt what the hardware decodes now. Config access is the caller's. */
static void adopt_command_locked(struct dpath_config *cfg)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(cfg->map, PCI_COMMAND, 2);
	u16 command;

	lockdep_assert_held(&cfg->lock);
	command = dpath_cfg_merge_read(&bits, read_hw(cfg->pdev, PCI_COMMAND, 2));
	WRITE_ONCE(cfg->mem_enabled, command & PCI_COMMAND_MEMORY);
	WRITE_ONCE(cfg->io_enabled, command & PCI_COMMAND_IO);
}

/**
 * dpath_config_init - config space for a new lease
 * @cfg: storage, part of the lease
 * @pdev: the function; enabled, in D0, MSI and MSI-X off; config access is the caller's, so nobody resets it meanwhile
 * @ops: what writes set off
 * @ctx: for @ops
 * @stats: counters of the lease
 * @counts: register counters of the function, which stay when the lease ends
 *
 * Context: may sleep; allocates with GFP_KERNEL_ACCOUNT.
 * Return: 0; -ENOMEM; -ENODEV: the function does not answer; -EINVAL: it is no endpoint; an error of a config read.
 */
int dpath_config_init(struct dpath_config *cfg, struct pci_dev *pdev, const struct dpath_config_ops *ops, void *ctx,
		      struct dpath_lease_stats *stats, struct xarray *counts)
{
	struct dpath_cfg_reader reader = { .read = read_for_walk, .ctx = pdev };
	int ret;

	reader.size = pdev->cfg_size >= DPATH_CFG_SIZE ? DPATH_CFG_SIZE : PCI_CFG_SPACE_SIZE;
	*cfg = (struct dpath_config){
		.pdev = pdev,
		.ops = ops,
		.ctx = ctx,
		.stats = stats,
		.counts = counts,
		.size = reader.size,
		.power = (__force u8)PCI_D0,
	};
	cfg->map = kvmalloc(sizeof(*cfg->map), GFP_KERNEL_ACCOUNT);
	if (!cfg->map)
		return -ENOMEM;
	ret = dpath_cfgmap_build(cfg->map, &reader);
	if (ret)
		goto err_free_map;
	if (cfg->map->flaw)
		pci_info_ratelimited(pdev, "config space: %s\n", cfg->map->flaw);
	cfg->pm = find_cap(cfg, PCI_CAP_ID_PM);
	cfg->exp = find_cap(cfg, PCI_CAP_ID_EXP);
	cfg->af = find_cap(cfg, PCI_CAP_ID_AF);
	cfg->vpd = find_cap(cfg, PCI_CAP_ID_VPD);
	init_bars(cfg);
	init_registers(cfg);
	mutex_init(&cfg->lock);
	mutex_lock(&cfg->lock);
	adopt_command_locked(cfg);
	mutex_unlock(&cfg->lock);
	return 0;

err_free_map:
	kvfree(cfg->map);
	cfg->map = NULL;
	return ret;
}

/**
 * dpath_config_hide_intx - show a function without INTx
 * @cfg: config space of a lease that nobody has opened yet
 */
void dpath_config_hide_intx(struct dpath_config *cfg)
{
	mutex_lock(&cfg->lock);
	cfg->map->shadow[PCI_INTERRUPT_PIN] = 0;
	mutex_unlock(&cfg->lock);
}

/**
 * dpath_config_kill - the lease has ended
 * @cfg: its config space
 *
 * When it returns no access reaches the function and no op is called, but for a guest reset, a change of the power state or a read of VPD that was
 * already under way.
 *
 * Context: waits for an access that is under way, never for one of these.
 */
void dpath_config_kill(struct dpath_config *cfg)
{
	mutex_lock(&cfg->lock);
	cfg->dead = true;
	mutex_unlock(&cfg->lock);
}

/**
 * dpath_config_destroy - free config space
 * @cfg: killed, and out of reach of every fd
 */
void dpath_config_destroy(struct dpath_config *cfg)
{
	kvfree(cfg->map);
	mutex_destroy(&cfg->lock);
}

/* The widest access that hardware would see at this place. */
static unsigned int access_width(u32 offset, size_t count)
{
	if (!(offset & 3) && count >= 4)
		return 4;
	if (!(offset & 1) && count >= 2)
		return 2;
	return 1;
}

/* Config access of the function, if nobody resets it and it is not held. */
static bool try_access(struct dpath_config *cfg)
{
	return !READ_ONCE(cfg->held) && pci_cfg_access_trylock(cfg->pdev);
}

static u32 read_locked(struct dpath_config *cfg, unsigned int offset, unsigned int width)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(cfg->map, offset, width);
	u32 hw = ~0U;

	lockdep_assert_held(&cfg->lock);
	if (cfg->dead)
		return ~0U;
	if (bits.virt != ones(width) && try_access(cfg)) {
		hw = read_hw(cfg->pdev, offset, width);
		pci_cfg_access_unlock(cfg->pdev);
	}
	return dpath_cfg_merge_read(&bits, hw);
}

/**
 * dpath_config_read - the guest reads
 * @cfg: config space
 * @offset: first byte
 * @buf: kernel buffer for the bytes, little endian as in config space
 * @count: how many; any number, split into naturally aligned accesses
 *
 * Return: @count; -EINVAL beyond the end.
 */
ssize_t dpath_config_read(struct dpath_config *cfg, u32 offset, void *buf, size_t count)
{
	size_t done = 0;
	unsigned int width;
	u32 value;

	if (offset > cfg->size || count > cfg->size - offset)
		return -EINVAL;
	atomic64_inc(&cfg->stats->config_reads);
	for (; done < count; done += width) {
		width = access_width(offset + done, count - done);
		mutex_lock(&cfg->lock);
		value = read_locked(cfg, offset + done, width);
		mutex_unlock(&cfg->lock);
		dpath_cfg_store(buf + done, width, value);
	}
	return count;
}

/**
 * struct follow_up - what a write sets off after the lock was dropped
 * @reset: place of the byte that asks for a reset, or 0
 * @power: the power state is to change, and config access is kept for that
 * @state: to this
 * @vpd: VPD is to be read
 * @address: there
 */
struct follow_up {
	unsigned int reset;
	bool power;
	u8 state;
	bool vpd;
	u16 address;
};

static bool decoding(const struct dpath_config *cfg, bool mem, bool io)
{
	return cfg->power == (__force u8)PCI_D0 && (cfg->has_mem ? mem : io);
}

static void write_intx(struct dpath_config *cfg, u8 command_high)
{
	bool disable = command_high & (PCI_COMMAND_INTX_DISABLE >> 8);

	if (disable == cfg->intx_disabled)
		return;
	cfg->intx_disabled = disable;
	cfg->ops->intx(cfg->ctx, disable);
}

static void write_power(struct dpath_config *cfg, struct follow_up *next)
{
	u8 state = cfg->map->shadow[cfg->pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;

	if (state == cfg->power)
		return;
	if (decoding(cfg, cfg->mem_enabled, cfg->io_enabled))
		cfg->ops->decode(cfg->ctx, false);
	next->power = true;
	next->state = state;
}

/* May take as long as the function needs to come back. Config access is ours, so no other change or reset is under way; it ends here. */
static void change_power(struct dpath_config *cfg, u8 state)
{
	u8 *ctrl = &cfg->map->shadow[cfg->pm + PCI_PM_CTRL];
	int ret;

	lockdep_assert_not_held(&cfg->lock);
	ret = cfg->ops->power(cfg->ctx, (__force pci_power_t)state);
	mutex_lock(&cfg->lock);
	if (cfg->dead) {
		pci_cfg_access_unlock(cfg->pdev);
		goto out_unlock;
	}
	if (ret)
		*ctrl = (*ctrl & ~PCI_PM_CTRL_STATE_MASK) | cfg->power;
	else
		WRITE_ONCE(cfg->power, state);
	/* A function without No_Soft_Reset has lost its command register if it was not restored. */
	adopt_command_locked(cfg);
	pci_cfg_access_unlock(cfg->pdev);
	if (decoding(cfg, cfg->mem_enabled, cfg->io_enabled))
		cfg->ops->decode(cfg->ctx, true);
out_unlock:
	mutex_unlock(&cfg->lock);
}

/* The host chose the payload size; a read request below it would starve a peer of credits, so it is the floor. */
static void write_readrq(struct dpath_config *cfg, u8 code)
{
	if (code > 5 || !try_access(cfg))
		return;
	pcie_set_readrq(cfg->pdev, max(128 << code, pcie_get_mps(cfg->pdev)));
	pci_cfg_access_unlock(cfg->pdev);
}

/* Device control, upper byte. Returns whether the guest asked for a reset. */
static bool write_devctl(struct dpath_config *cfg, u8 before)
{
	unsigned int reg = cfg->exp + PCI_EXP_DEVCTL + 1;
	u8 *now = &cfg->map->shadow[reg];
	bool reset = *now & (PCI_EXP_DEVCTL_BCR_FLR >> 8);
	const u8 readrq = PCI_EXP_DEVCTL_READRQ >> 8;

	*now &= ~(PCI_EXP_DEVCTL_BCR_FLR >> 8);
	if ((*now ^ before) & readrq)
		write_readrq(cfg, (*now & readrq) >> 4);
	return reset && cfg->map->shadow[cfg->exp + PCI_EXP_DEVCAP + 3] & (PCI_EXP_DEVCAP_FLR >> 24);
}

/* AF control. The same question. */
static bool write_af(struct dpath_config *cfg)
{
	u8 *now = &cfg->map->shadow[cfg->af + PCI_AF_CTRL];
	bool reset = *now & PCI_AF_CTRL_FLR;

	*now &= ~PCI_AF_CTRL_FLR;
	return reset && read_locked(cfg, cfg->af + PCI_AF_CAP, 1) & PCI_AF_CAP_FLR;
}

/* An address with the flag clear asks for a read. With the flag set it would be a write, which never completes here: false. */
static bool write_vpd(struct dpath_config *cfg, struct follow_up *next)
{
	u16 address = dpath_cfg_load(cfg->map->shadow + cfg->vpd + PCI_VPD_ADDR, 2);

	if (address & PCI_VPD_ADDR_F)
		return false;
	next->vpd = true;
	next->address = address;
	return true;
}

/*
 * The flag turns 1 when the data is there. pci_read_vpd() knows where the data ends, beyond which some functions hang; it waits for the function, and
 * for a reset that begins just now. Nothing comes of a read that has begun in a reset, or while another address was written.
 */
static void read_vpd(struct dpath_config *cfg, u16 address)
{
	u8 *reg = cfg->map->shadow + cfg->vpd;
	u8 data[4];

	lockdep_assert_not_held(&cfg->lock);
	if (!try_access(cfg))
		return;
	pci_cfg_access_unlock(cfg->pdev);
	if (pci_read_vpd(cfg->pdev, address & ~3, sizeof(data), data) != sizeof(data))
		return;
	mutex_lock(&cfg->lock);
	if (!cfg->dead && dpath_cfg_load(reg + PCI_VPD_ADDR, 2) == address) {
		memcpy(reg + PCI_VPD_DATA, data, sizeof(data));
		dpath_cfg_store(reg + PCI_VPD_ADDR, 2, address | PCI_VPD_ADDR_F);
	}
	mutex_unlock(&cfg->lock);
}

/* Sizing a BAR writes ones to bits that are not writable. */
static bool is_bar(unsigned int offset)
{
	return (offset >= PCI_BASE_ADDRESS_0 && offset < PCI_CARDBUS_CIS) || (offset >= PCI_ROM_ADDRESS && offset < PCI_CAPABILITY_LIST);
}

/* The counter of a dword; NULL if there is no memory, and then it is not counted. */
static struct dpath_register_count *obtain_count_locked(struct dpath_config *cfg, unsigned int offset)
{
	struct dpath_register_count *count = xa_load(cfg->counts, offset / 4);

	lockdep_assert_held(&cfg->lock);
	if (count)
		return count;
	count = kzalloc(sizeof(*count), GFP_KERNEL_ACCOUNT);
	if (!count)
		return NULL;
	count->where = dpath_cfgmap_where(cfg->map, offset);
	if (xa_err(xa_store(cfg->counts, offset / 4, count, GFP_KERNEL_ACCOUNT))) {
		kfree(count);
		return NULL;
	}
	return count;
}

static void count_write_locked(struct dpath_config *cfg, unsigned int offset)
{
	struct dpath_register_count *count = obtain_count_locked(cfg, offset);

	lockdep_assert_held(&cfg->lock);
	if (count)
		WRITE_ONCE(count->writes, count->writes + 1);
}

/* @bits of the access at @offset were dropped. The trace is for dynamic debug. */
static void count_denied_locked(struct dpath_config *cfg, unsigned int offset, u32 bits)
{
	const char *why = dpath_cfgmap_why(cfg->map, offset + __ffs(bits) / 8);
	struct dpath_register_count *count = obtain_count_locked(cfg, offset);

	lockdep_assert_held(&cfg->lock);
	atomic64_inc(&cfg->stats->config_denied);
	dev_dbg_ratelimited(&cfg->pdev->dev, "config write at %#x (%s): bits %#x denied: %s\n", offset, dpath_cfgmap_where(cfg->map, offset), bits,
			    why);
	if (!count)
		return;
	WRITE_ONCE(count->denied, count->denied + 1);
	WRITE_ONCE(count->bits, count->bits | bits << (offset & 3) * 8);
	WRITE_ONCE(count->why, why);
}

/**
 * dpath_config_free_counts - free the register counters of a function
 * @counts: those; nobody reads or writes them any more
 */
void dpath_config_free_counts(struct xarray *counts)
{
	struct dpath_register_count *count;
	unsigned long index;

	xa_for_each(counts, index, count)
		kfree(count);
	xa_destroy(counts);
}

/* What the new value of a register means. */
static void act_locked(struct dpath_config *cfg, unsigned int offset, unsigned int width, u32 before, struct follow_up *next)
{
	lockdep_assert_held(&cfg->lock);
	if (covers(offset, width, PCI_COMMAND + 1))
		write_intx(cfg, cfg->map->shadow[PCI_COMMAND + 1]);
	if (cfg->pm && covers(offset, width, cfg->pm + PCI_PM_CTRL))
		write_power(cfg, next);
	if (cfg->exp && covers(offset, width, cfg->exp + PCI_EXP_DEVCTL + 1) &&
	    write_devctl(cfg, byte_at(before, offset, cfg->exp + PCI_EXP_DEVCTL + 1)))
		next->reset = cfg->exp + PCI_EXP_DEVCTL + 1;
	if (cfg->af && covers(offset, width, cfg->af + PCI_AF_CTRL) && write_af(cfg))
		next->reset = cfg->af + PCI_AF_CTRL;
	if (cfg->vpd && covers(offset, width, cfg->vpd + PCI_VPD_ADDR + 1) && !write_vpd(cfg, next))
		count_denied_locked(cfg, cfg->vpd, (u32)PCI_VPD_ADDR_F << (PCI_VPD_ADDR * 8));
}

/* Merge a write into shadow and hardware, whose config access is the caller's if any bit of it is real. Returns the bits that were denied. */
static u32 merge_locked(struct dpath_config *cfg, const struct dpath_cfg_bits *bits, unsigned int offset, unsigned int width, u32 value)
{
	struct dpath_cfg_write out;
	u32 hw = 0;

	lockdep_assert_held(&cfg->lock);
	if (bits->virt != ones(width))
		hw = read_hw(cfg->pdev, offset, width);
	out = dpath_cfg_merge_write(bits, hw, value);
	dpath_cfg_store(cfg->map->shadow + offset, width, out.shadow);
	write_hw(cfg->pdev, offset, width, out.hw, out.lanes);
	return out.denied;
}

/*
 * One access. In a reset it is lost, as on bare metal, before anything has come of it. Of the ops, the one that takes decode away runs with config
 * access held, so that no reset begins between it and the write; it waits for nobody who waits for that.
 */
static void write_locked(struct dpath_config *cfg, unsigned int offset, unsigned int width, u32 value, struct follow_up *next)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(cfg->map, offset, width);
	bool mem = cfg->mem_enabled, io = cfg->io_enabled;
	bool power = cfg->pm && covers(offset, width, cfg->pm + PCI_PM_CTRL);
	bool access = power || bits.virt != ones(width);
	u32 before = dpath_cfg_load(cfg->map->shadow + offset, width);
	bool was = decoding(cfg, mem, io), is;
	u32 denied;

	lockdep_assert_held(&cfg->lock);
	if (cfg->dead || (access && !try_access(cfg)))
		return;
	if (covers(offset, width, PCI_COMMAND)) {
		mem = byte_at(value, offset, PCI_COMMAND) & PCI_COMMAND_MEMORY;
		io = byte_at(value, offset, PCI_COMMAND) & PCI_COMMAND_IO;
	}
	is = decoding(cfg, mem, io);
	if (was && !is)
		cfg->ops->decode(cfg->ctx, false);
	denied = merge_locked(cfg, &bits, offset, width, value);
	WRITE_ONCE(cfg->mem_enabled, mem);
	WRITE_ONCE(cfg->io_enabled, io);
	if (access && !power)
		pci_cfg_access_unlock(cfg->pdev);
	if (is && !was)
		cfg->ops->decode(cfg->ctx, true);
	count_write_locked(cfg, offset);
	if (denied && !is_bar(offset))
		count_denied_locked(cfg, offset, denied);
	act_locked(cfg, offset, width, before, next);
	if (power && !next->power)
		pci_cfg_access_unlock(cfg->pdev);
}

/* The bit cannot fail; a function that would not reset is quarantined by whoever tried. */
static void count_failed_reset(struct dpath_config *cfg, unsigned int reg)
{
	u8 bit = cfg->af && reg == cfg->af + PCI_AF_CTRL ? PCI_AF_CTRL_FLR : PCI_EXP_DEVCTL_BCR_FLR >> 8;

	mutex_lock(&cfg->lock);
	if (!cfg->dead)
		count_denied_locked(cfg, reg, bit);
	mutex_unlock(&cfg->lock);
}

/**
 * dpath_config_write - the guest writes
 * @cfg: config space
 * @offset: first byte
 * @buf: kernel buffer with the bytes
 * @count: how many; any number, split into naturally aligned accesses
 *
 * A function level reset or a change of the power state that the write asks for is over when it returns.
 *
 * Context: process context; may take as long as a reset. No lock is held that a reset takes.
 * Return: @count, also where bits were denied; -EINVAL beyond the end.
 */
ssize_t dpath_config_write(struct dpath_config *cfg, u32 offset, const void *buf, size_t count)
{
	struct follow_up next;
	unsigned int width;
	size_t done = 0;

	if (offset > cfg->size || count > cfg->size - offset)
		return -EINVAL;
	atomic64_inc(&cfg->stats->config_writes);
	for (; done < count; done += width) {
		width = access_width(offset + done, count - done);
		next = (struct follow_up){};
		mutex_lock(&cfg->lock);
		write_locked(cfg, offset + done, width, dpath_cfg_load(buf + done, width), &next);
		mutex_unlock(&cfg->lock);
		if (next.power)
			change_power(cfg, next.state);
		if (next.vpd)
			read_vpd(cfg, next.address);
		if (next.reset && cfg->ops->reset(cfg->ctx))
			count_failed_reset(cfg, next.reset);
	}
	return count;
}

/**
 * dpath_config_decoding - does the function decode now, as the guest has set it
 * @cfg: config space
 * @io: I/O instead of memory
 *
 * Context: any; takes no lock, so that every op may ask. A change comes with an op, whose caller serialises.
 * Return: true if it does.
 */
bool dpath_config_decoding(struct dpath_config *cfg, bool io)
{
	return READ_ONCE(cfg->power) == (__force u8)PCI_D0 && (io ? READ_ONCE(cfg->io_enabled) : READ_ONCE(cfg->mem_enabled));
}

/**
 * dpath_config_restored - the function was reset and its config restored
 * @cfg: config space
 *
 * The guest's BARs and other virtual registers stay as they are; power state and decode are read back. No op is called: who did the reset opens
 * mmio again, if dpath_config_decoding() says so.
 *
 * Context: may sleep; config access is that of the reset, which has ended.
 */
void dpath_config_restored(struct dpath_config *cfg)
{
	mutex_lock(&cfg->lock);
	if (cfg->pm)
		cfg->map->shadow[cfg->pm + PCI_PM_CTRL] &= ~PCI_PM_CTRL_STATE_MASK;
	WRITE_ONCE(cfg->power, (__force u8)PCI_D0);
	if (!cfg->dead)
		adopt_command_locked(cfg);
	mutex_unlock(&cfg->lock);
}

/**
 * dpath_config_hold - a fatal error: the guest does not reach the function's registers until dpath_config_unhold()
 * @cfg: config space
 *
 * Reads are ones and writes are lost, as in a reset. A change of the power state that has begun goes on; it has config access, which a reset of the
 * link waits for.
 *
 * Context: may sleep, for one access that is under way.
 */
void dpath_config_hold(struct dpath_config *cfg)
{
	mutex_lock(&cfg->lock);
	WRITE_ONCE(cfg->held, true);
	mutex_unlock(&cfg->lock);
}

void dpath_config_unhold(struct dpath_config *cfg)
{
	mutex_lock(&cfg->lock);
	WRITE_ONCE(cfg->held, false);
	mutex_unlock(&cfg->lock);
}
