/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_RESET_H
#define DPATH_RESET_H

/*
 * Quiesce, reset, read back, compare. Works on a function that is bound to us and whose DMA is blocked (or that has no IOMMU owner yet at
 * release). A reset cannot be aborted; callers run it in a work and watch the clock from outside. Never takes device_lock but by trylock.
 */

#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/types.h>

/**
 * enum dpath_reset_method - ways to reset a function
 * @DPATH_RESET_NONE: no reset
 * @DPATH_RESET_DEVICE_SPECIFIC: a quirk of the kernel for this device
 * @DPATH_RESET_ACPI: _RST of the firmware
 * @DPATH_RESET_FLR: function level reset of the PCIe capability
 * @DPATH_RESET_AF: function level reset of the Advanced Features capability
 * @DPATH_RESET_PM: D3hot and back, where that loses the state
 * @DPATH_RESET_BUS: secondary bus reset of the port above
 * @DPATH_RESET_SLOT: reset by the hot-plug controller of the slot
 * @DPATH_RESET_NR: how many there are
 *
 * The first ones are the kernel's own per-function methods; BUS and SLOT as used here reset everything behind a port and are only taken when the
 * port holds nothing but the isolation set.
 */
enum dpath_reset_method {
	DPATH_RESET_NONE,
	DPATH_RESET_DEVICE_SPECIFIC,
	DPATH_RESET_ACPI,
	DPATH_RESET_FLR,
	DPATH_RESET_AF,
	DPATH_RESET_PM,
	DPATH_RESET_BUS,
	DPATH_RESET_SLOT,
	DPATH_RESET_NR,
};

#define DPATH_RESET_POLICY_MAX 8

/**
 * struct dpath_reset_policy - how a function is to be reset
 * @consent_none: the admin accepts a hand-over without reset
 * @nr: methods in @order; 0 means the function's own order
 * @order: methods to try, best first
 */
struct dpath_reset_policy {
	bool consent_none;
	unsigned int nr;
	u8 order[DPATH_RESET_POLICY_MAX];
};

/**
 * struct dpath_fingerprint - what must be the same before and after a tenant
 * @valid: it has been taken
 * @vendor: vendor id
 * @device: device id
 * @class_revision: class code and revision, as in config space
 * @subsystem: subsystem vendor id, and subsystem id in the upper half
 * @header_type: header type with the multifunction bit
 * @dsn: device serial number, 0 if there is none
 * @caps_crc: over the capability list
 * @ecaps_crc: over the extended capability list
 * @rom_size: bytes of the expansion ROM
 * @bar_flags: IORESOURCE_* type of each BAR, and its type bits in config space from bit 24
 * @bar_size: bytes of each BAR
 *
 * Identity and layout only; no status bits, nothing that a guest or a reset legitimately changes.
 */
struct dpath_fingerprint {
	bool valid;
	u16 vendor;
	u16 device;
	u32 class_revision;
	u32 subsystem;
	u8 header_type;
	u64 dsn;
	u32 caps_crc;
	u32 ecaps_crc;
	u32 rom_size;
	u32 bar_flags[PCI_STD_NUM_BARS];
	u64 bar_size[PCI_STD_NUM_BARS];
};

#define DPATH_RESET_BUSY 0
#define DPATH_RESET_FROZEN 1

/**
 * struct dpath_reset - reset context of one claimed function
 * @pdev: the function; whoever holds the context holds a reference to it
 * @flags: DPATH_RESET_BUSY: one reset at a time; begun under device_lock. DPATH_RESET_FROZEN: a fatal error was reported, and the recovery from it
 * has not ended: no other reset begins
 * @pristine: config space as found at the claim, restored after each reset; NULL when the function is not bound (changes under device_lock)
 * @fingerprint: what it is compared with
 * @found: what it showed when it was last found to differ
 * @last_method: what the last reset used
 * @last_ms: how long it took
 * @count: resets that were tried
 * @failures: those that failed
 * @d3cold_off: we have forbidden D3cold and are to allow it again
 * @d3cold_allowed: what sysfs d3cold_allowed said before
 */
struct dpath_reset {
	struct pci_dev *pdev;
	unsigned long flags;
	bool d3cold_off;
	bool d3cold_allowed;
	struct pci_saved_state *pristine;
	struct dpath_fingerprint fingerprint;
	struct dpath_fingerprint found;
	enum dpath_reset_method last_method;
	unsigned int last_ms;
	atomic64_t count;
	atomic64_t failures;
};

const char *dpath_reset_name(enum dpath_reset_method method);
int dpath_reset_parse_policy(const char *text, struct dpath_reset_policy *policy, const char **why);
int dpath_reset_format_policy(const struct dpath_reset_policy *policy, char *buf, size_t size);
int dpath_reset_format_order(const u8 *order, unsigned int nr, char *buf, size_t size);
/* The function's own methods, best first, as "flr,pm"; empty if none. BUS is listed only if the kernel offers it for this function. */
int dpath_reset_methods(struct pci_dev *pdev, u8 *order, unsigned int max);
int dpath_reset_format_methods(struct pci_dev *pdev, char *buf, size_t size);
/* May the whole set be reset by its bus or slot, i.e. does that touch members only? */
bool dpath_reset_set_possible(struct pci_dev **members, unsigned int nr);
/* The same, with the reason: 0; -ENOTTY: no port, or it cannot; -EXDEV: it would also reset the function whose address is put into @outsider. */
int dpath_reset_set_probe(struct pci_dev **members, unsigned int nr, char *outsider, size_t size);

/* What a reset of the bus or slot of @pdev touches, bridges apart: references, how many; or -ENODEV, -ENOSPC. */
int dpath_reset_affected(struct pci_dev *pdev, struct pci_dev **affected, unsigned int max);

int dpath_reset_init(struct dpath_reset *reset, struct pci_dev *pdev);
void dpath_reset_destroy(struct dpath_reset *reset);

/* It has left the bus, or answers nothing but ones. */
bool dpath_reset_gone(struct pci_dev *pdev);
/* Parts that reset.c and reset_set.c share. */
int dpath_reset_begin_locked(struct dpath_reset *reset, const char **why);
/* Between a fatal error and the end of the recovery from it. @frozen is changed under dpath_table_lock. */
static inline void dpath_reset_freeze(struct dpath_reset *reset, bool frozen)
{
	assign_bit(DPATH_RESET_FROZEN, &reset->flags, frozen);
}

static inline bool dpath_reset_is_frozen(const struct dpath_reset *reset)
{
	return test_bit(DPATH_RESET_FROZEN, &reset->flags);
}

void dpath_reset_end(struct dpath_reset *reset);
int dpath_reset_clean_locked(struct dpath_reset *reset, const char **why);
void dpath_reset_account(struct dpath_reset *reset, ktime_t start, int ret);

/* Bus master off, then wait (bounded) until no transaction is pending. */
int dpath_reset_quiesce(struct pci_dev *pdev);
/*
 * Reset one function by policy: pristine config is loaded first so that nothing of the tenant survives in the state that the core saves and
 * restores around the reset. @why names the failure. -ENOTTY: no method (and no consent); -EAGAIN: device_lock is taken (driver core at work),
 * try again; -EIO and others: it failed.
 */
int dpath_reset_function(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const char **why);
/* Reset all members together through their bus or slot; same errors. */
int dpath_reset_set(struct dpath_reset **members, unsigned int nr, const char **why);
/*
 * A guest's reset of everything behind a port (VFIO_DEVICE_PCI_HOT_RESET): its config is kept around it. Each function is marked before by
 * dpath_reset_begin_all(), and unmarked by dpath_reset_end() afterwards.
 */
int dpath_reset_begin_all(struct dpath_reset **members, unsigned int nr);
int dpath_reset_hot(struct pci_dev *pdev);
/* A guest's own reset (VFIO_DEVICE_RESET, FLR bit): same methods, but the guest's config (BARs, command) is what is kept around it. */
int dpath_reset_guest(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const bool *dead);
/*
 * The port above was reset by the kernel's recovery from an error: config space of the claim, and as dpath_reset_verify(); for a tenant that goes on.
 * -EAGAIN: it is being reset by us. Caller holds device_lock and config access, and a lease that there is.
 */
int dpath_reset_recovered(struct dpath_reset *reset, char *why, size_t size);
/* Does the function answer and is it the one we claimed? 0, -ENODEV (all ones), -EBADE (@why names the differences). */
int dpath_reset_verify(struct dpath_reset *reset, char *why, size_t size);
int dpath_fingerprint_take(struct pci_dev *pdev, struct dpath_fingerprint *fp);
int dpath_fingerprint_compare(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is, char *why, size_t size);
bool dpath_fingerprint_acceptable(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is);

#endif
