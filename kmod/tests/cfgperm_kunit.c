// SPDX-License-Identifier: GPL-2.0
/*
 * Config space tables on config spaces of devices that exist and on made-up ones. The merge is checked against its definition for every combination
 * of one bit; the tables for what any table must satisfy, and every id of the specification for its treatment; the walk on a function as it should
 * be, on eight that exist (every byte of them), on a list of hostile ones, on random ones, and on existing ones with a few bits changed. What must
 * hold for all of them is in expect_sound(): the lists that a tenant walks end, show nothing hidden and nothing twice, and the registers that the
 * kernel drives, found the way the kernel finds them, cannot be reached.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "../cfgperm.c"
#include "../cfgrule.c"
#include "cfgspaces.h"

/* A config space in memory, and how often it was read. */
struct space {
	u8 bytes[DPATH_CFG_SIZE];
	unsigned int reads;
	int fail_at;
};

static int read_space(void *ctx, unsigned int offset, u32 *value)
{
	struct space *space = ctx;

	if (offset & 3 || offset >= sizeof(space->bytes))
		return -EFAULT;
	if (space->fail_at && ++space->reads == space->fail_at)
		return -EIO;
	*value = dpath_cfg_load(space->bytes + offset, 4);
	return 0;
}

struct fixture {
	struct space space;
	struct dpath_cfgmap map;
};

static int build(struct fixture *fix, unsigned int size)
{
	struct dpath_cfg_reader reader = { .read = read_space, .ctx = &fix->space, .size = size };

	memset(&fix->map, 0xcc, sizeof(fix->map));
	return dpath_cfgmap_build(&fix->map, &reader);
}

static void put(struct fixture *fix, unsigned int offset, unsigned int width, u32 value)
{
	dpath_cfg_store(fix->space.bytes + offset, width, value);
}

/* What the tenant reads. */
static u32 get(const struct fixture *fix, unsigned int offset, unsigned int width)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);

	return dpath_cfg_merge_read(&bits, dpath_cfg_load(fix->space.bytes + offset, width));
}

/* The tenant writes; returns the denied bits. */
static u32 set(struct fixture *fix, unsigned int offset, unsigned int width, u32 value)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);
	struct dpath_cfg_write out = dpath_cfg_merge_write(&bits, dpath_cfg_load(fix->space.bytes + offset, width), value);
	unsigned int i;

	dpath_cfg_store(fix->map.shadow + offset, width, out.shadow);
	for (i = 0; i < width; i++) {
		if ((out.lanes >> (8 * i)) & 0xff)
			fix->space.bytes[offset + i] = out.hw >> (8 * i);
	}
	return out.denied;
}

/* Bits of the hardware that the tenant can change. */
static u32 hard(const struct fixture *fix, unsigned int offset, unsigned int width)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);

	return bits.write & ~bits.virt;
}

static void put_cap(struct fixture *fix, unsigned int pos, u8 id, u8 next, u16 word)
{
	put(fix, pos, 4, id | next << 8 | (u32)word << 16);
}

static void put_ecap(struct fixture *fix, unsigned int pos, u16 id, u8 version, unsigned int next)
{
	put(fix, pos, 4, id | version << 16 | next << 20);
}

/* An endpoint with a list head but no list yet. */
static void put_header(struct fixture *fix, u8 first)
{
	memset(&fix->space, 0, sizeof(fix->space));
	put(fix, PCI_VENDOR_ID, 4, 0x00101b36);
	put(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_SERR);
	put(fix, PCI_STATUS, 2, first ? PCI_STATUS_CAP_LIST : 0);
	put(fix, PCI_CLASS_REVISION, 4, 0x01080202);
	put(fix, PCI_BASE_ADDRESS_0, 4, 0xfebf0004);
	put(fix, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4);
	put(fix, PCI_CAPABILITY_LIST, 1, first);
	put(fix, PCI_INTERRUPT_PIN, 1, 1);
	put(fix, PCI_INTERRUPT_LINE, 1, 11);
}

/* Something like an NVMe controller with SR-IOV and ATS. */
static void put_good(struct fixture *fix)
{
	put_header(fix, 0x40);
	put_cap(fix, 0x40, PCI_CAP_ID_PM, 0x50, 0xfe03);
	put(fix, 0x44, 2, 0x0108);
	put_cap(fix, 0x50, PCI_CAP_ID_MSI, 0x70, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	put_cap(fix, 0x70, PCI_CAP_ID_EXP, 0xb0, 0x0002);
	put(fix, 0x70 + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR | 0x18 | 0x1);
	put(fix, 0x70 + PCI_EXP_DEVCTL, 2, 0x2110);
	put_cap(fix, 0xb0, PCI_CAP_ID_MSIX, 0xc0, 0x0040);
	put(fix, 0xb4, 4, 0x2000);
	put_cap(fix, 0xc0, PCI_CAP_ID_VNDR, 0xd0, 0x0010);
	put(fix, 0xc4, 4, 0x12345678);
	put_cap(fix, 0xd0, PCI_CAP_ID_EA, 0, 0x0000);
	put_ecap(fix, 0x100, PCI_EXT_CAP_ID_ATS, 1, 0x110);
	put(fix, 0x106, 2, 0x0080);
	put_ecap(fix, 0x110, PCI_EXT_CAP_ID_ERR, 2, 0x150);
	put(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4, 0x00100000);
	put_ecap(fix, 0x150, PCI_EXT_CAP_ID_SRIOV, 1, 0x1a0);
	put(fix, 0x158, 2, 1);
	put_ecap(fix, 0x1a0, PCI_EXT_CAP_ID_DSN, 1, 0x1b0);
	put(fix, 0x1a4, 4, 0xdeadbeef);
	put_ecap(fix, 0x1b0, PCI_EXT_CAP_ID_VNDR, 1, 0x1e0);
	put(fix, 0x1b4, 4, 0x01810001);
	put_ecap(fix, 0x1e0, PCI_EXT_CAP_ID_PASID, 1, 0);
}

/* The first capability of this id as the kernel's own walk finds it. */
static unsigned int kernel_find(const struct fixture *fix, u8 id)
{
	const u8 *bytes = fix->space.bytes;
	unsigned int ttl = 48, pos;

	if (!(bytes[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	for (pos = bytes[PCI_CAPABILITY_LIST]; ttl--; pos = bytes[pos + 1]) {
		if (pos < 0x40)
			return 0;
		pos &= ~3;
		if (bytes[pos] == 0xff)
			return 0;
		if (bytes[pos] == id)
			return pos;
	}
	return 0;
}

static unsigned int kernel_find_ext(const struct fixture *fix, u16 id)
{
	unsigned int ttl = (4096 - 256) / 8, pos = 256;
	u32 value = dpath_cfg_load(fix->space.bytes + pos, 4);

	while (value && ttl--) {
		if (PCI_EXT_CAP_ID(value) == id)
			return pos;
		pos = PCI_EXT_CAP_NEXT(value);
		if (pos < 256)
			break;
		value = dpath_cfg_load(fix->space.bytes + pos, 4);
	}
	return 0;
}

static void sound_std_list(struct kunit *test, const struct fixture *fix)
{
	DECLARE_BITMAP(ids, 256) = {};
	unsigned int pos, nr = 0;
	u8 id;

	KUNIT_EXPECT_EQ(test, !(get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST), !get(fix, PCI_CAPABILITY_LIST, 1));
	for (pos = get(fix, PCI_CAPABILITY_LIST, 1); pos; pos = get(fix, pos + 1, 1)) {
		KUNIT_ASSERT_LT(test, nr++, 48U);
		KUNIT_ASSERT_GE(test, pos, 0x40U);
		KUNIT_ASSERT_EQ(test, pos & 3, 0U);
		id = get(fix, pos, 1);
		KUNIT_EXPECT_NE(test, dpath_cfg_rule_of(id, false)->how, DPATH_CFG_HIDE);
		KUNIT_EXPECT_EQ(test, id, fix->space.bytes[pos]);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit(id, ids) && !dpath_cfg_rule_of(id, false)->many);
		KUNIT_EXPECT_EQ(test, hard(fix, pos, 2), 0U);
	}
}

static void sound_ext_list(struct kunit *test, const struct fixture *fix)
{
	unsigned int pos = 0x100, nr = 0;
	u32 head = fix->map.size > 0x100 ? get(fix, pos, 4) : 0;

	while (head) {
		u16 id = PCI_EXT_CAP_ID(head);

		KUNIT_ASSERT_LT(test, nr++, (unsigned int)DPATH_CFG_CAPS);
		/* Only the head of the list may be a null capability. */
		if (id || pos != 0x100) {
			KUNIT_EXPECT_NE(test, dpath_cfg_rule_of(id, true)->how, DPATH_CFG_HIDE);
			KUNIT_EXPECT_EQ(test, head & 0xfffff, dpath_cfg_load(fix->space.bytes + pos, 4) & 0xfffff);
		}
		KUNIT_EXPECT_EQ(test, hard(fix, pos, 4), 0U);
		pos = PCI_EXT_CAP_NEXT(head);
		if (!pos)
			break;
		KUNIT_ASSERT_GE(test, pos, 0x100U);
		KUNIT_ASSERT_LT(test, pos, fix->map.size);
		head = get(fix, pos, 4);
	}
}

static void expect_closed(struct kunit *test, const struct fixture *fix, unsigned int pos, unsigned int size)
{
	unsigned int i;

	for (i = pos; i < pos + size && i < fix->map.size; i++) {
		KUNIT_EXPECT_EQ(test, hard(fix, i, 1), 0U);
		KUNIT_EXPECT_EQ(test, get(fix, i, 1), 0U);
	}
}

static void sound_kernel_registers(struct kunit *test, const struct fixture *fix)
{
	unsigned int pos;

	pos = kernel_find(fix, PCI_CAP_ID_MSI);
	if (pos && pos <= 0xf0)
		KUNIT_EXPECT_EQ(test, hard(fix, pos, 4) | hard(fix, pos + 4, 4) | hard(fix, pos + 8, 4), 0U);
	pos = kernel_find(fix, PCI_CAP_ID_MSIX);
	if (pos && pos <= 0xf4)
		KUNIT_EXPECT_EQ(test, hard(fix, pos, 4), 0U);
	pos = kernel_find(fix, PCI_CAP_ID_PM);
	if (pos && pos <= 0xf8)
		KUNIT_EXPECT_EQ(test, hard(fix, pos + PCI_PM_CTRL, 2), 0U);
	if (fix->map.size == 0x100)
		return;
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_ATS);
	if (pos)
		expect_closed(test, fix, pos + 4, 4);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_PRI);
	if (pos)
		expect_closed(test, fix, pos + 4, 12);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_PASID);
	if (pos)
		expect_closed(test, fix, pos + 4, 4);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_SRIOV);
	if (pos)
		expect_closed(test, fix, pos + 4, 0x3c);
}

/* Nothing of a hidden capability is there, at its address either. */
static void sound_hidden(struct kunit *test, const struct fixture *fix)
{
	const struct dpath_cfgcap *cap;
	unsigned int i, bad = 0;

	for (cap = fix->map.caps; cap < fix->map.caps + fix->map.nr; cap++) {
		/* The head of the extended list stays as a null capability that leads on. */
		i = cap->ext && cap->pos == 0x100 ? 4 : 0;
		for (; !cap->shown && i < cap->size; i++)
			bad += hard(fix, cap->pos + i, 1) || get(fix, cap->pos + i, 1);
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
}

static void expect_sound(struct kunit *test, const struct fixture *fix)
{
	const struct dpath_cfgcap *cap;
	unsigned int i, bad = 0;

	sound_std_list(test, fix);
	sound_ext_list(test, fix);
	sound_kernel_registers(test, fix);
	sound_hidden(test, fix);
	KUNIT_EXPECT_EQ(test, hard(fix, PCI_COMMAND, 2), (u32)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE |
							     PCI_COMMAND_PARITY));
	for (i = PCI_BASE_ADDRESS_0; i < 0x40; i += 4)
		KUNIT_EXPECT_EQ(test, hard(fix, i, 4), 0U);
	for (i = 0; i < fix->map.size; i++) {
		bad += fix->map.shadow[i] & ~fix->map.virt[i] ? 1 : 0;
		bad += fix->map.w1c[i] & fix->map.virt[i] ? 1 : 0;
		bad += !dpath_cfgmap_why(&fix->map, i);
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	for (cap = fix->map.caps; cap < fix->map.caps + fix->map.nr; cap++) {
		KUNIT_EXPECT_GE(test, cap->size, 4);
		KUNIT_EXPECT_LE(test, (unsigned int)(cap->pos + cap->size), cap->ext ? fix->map.size : 0x100U);
	}
}

/* Ids of the list as the tenant walks it, as "1 5 10" in hexadecimal. */
static const char *list_std(struct kunit *test, const struct fixture *fix)
{
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	unsigned int pos, len = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (pos = get(fix, PCI_CAPABILITY_LIST, 1); pos && len < 200; pos = get(fix, pos + 1, 1))
		len += scnprintf(text + len, 256 - len, "%s%x", len ? " " : "", get(fix, pos, 1));
	return text;
}

static const char *list_ext(struct kunit *test, const struct fixture *fix)
{
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	unsigned int pos, len = 0;
	u32 head;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (pos = 0x100; pos && len < 200; pos = PCI_EXT_CAP_NEXT(head)) {
		head = get(fix, pos, 4);
		if (head)
			len += scnprintf(text + len, 256 - len, "%s%x", len ? " " : "", PCI_EXT_CAP_ID(head));
	}
	return text;
}

/* One bit in every combination of masks and values, in every lane. */
static void merge_definition(struct kunit *test)
{
	unsigned int combo, shift, wrong = 0;

	for (shift = 0; shift < 32; shift++) {
		for (combo = 0; combo < 64; combo++) {
			bool virt = combo & 1, write = combo & 2, w1c = combo & 4, shadow = combo & 8, hw = combo & 16, value = combo & 32;
			struct dpath_cfg_bits bits = {
				.virt = virt << shift, .write = write << shift, .w1c = w1c << shift, .shadow = (u32)shadow << shift,
			};
			struct dpath_cfg_write out = dpath_cfg_merge_write(&bits, (u32)hw << shift, (u32)value << shift);
			bool reads = virt ? shadow : hw;
			bool to_hw = write && !virt ? value : w1c ? false : hw;

			wrong += dpath_cfg_merge_read(&bits, (u32)hw << shift) != (u32)reads << shift;
			wrong += out.shadow != (u32)(virt && write ? value : shadow) << shift;
			wrong += out.hw != (u32)to_hw << shift;
			wrong += out.lanes != (write && !virt ? 0xffU << (shift & ~7) : 0);
			wrong += out.denied != (u32)(!write && value != reads) << shift;
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
}

static void load_store(struct kunit *test)
{
	u8 bytes[6] = { 0xaa, 1, 2, 3, 4, 0xaa };

	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 1), 0x01U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 2), 0x0201U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 4), 0x04030201U);
	dpath_cfg_store(bytes + 1, 2, 0x8765cdef);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes, 4), 0x03cdefaaU);
	dpath_cfg_store(bytes + 1, 4, 0x8765cdef);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 4), 0x8765cdefU);
	KUNIT_EXPECT_EQ(test, bytes[0], 0xaa);
	KUNIT_EXPECT_EQ(test, bytes[5], 0xaa);
}

static void sound_rule(struct kunit *test, const struct dpath_cfg_rule *rule)
{
	const struct dpath_cfg_field *field;
	unsigned int end = 0;

	KUNIT_ASSERT_TRUE(test, rule->name && *rule->name);
	KUNIT_EXPECT_TRUE_MSG(test, rule->why && *rule->why, "%s", rule->name);
	KUNIT_EXPECT_LE_MSG(test, strlen(rule->name), (size_t)DPATH_CFG_NAME_MAX, "%s", rule->name);
	KUNIT_EXPECT_LE_MSG(test, strlen(rule->why), (size_t)DPATH_CFG_WHY_MAX, "%s", rule->name);
	KUNIT_EXPECT_FALSE_MSG(test, rule->how == DPATH_CFG_HIDE && rule->fields, "%s", rule->name);
	KUNIT_EXPECT_FALSE_MSG(test, rule->how != DPATH_CFG_HIDE && !rule->size && !rule->measure, "%s", rule->name);
	for (field = rule->fields; field && field->width; field++) {
		u32 fits = GENMASK(field->width * 8 - 1, 0);

		KUNIT_EXPECT_TRUE_MSG(test, field->why && *field->why, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_LE_MSG(test, strlen(field->why), (size_t)DPATH_CFG_WHY_MAX, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_GE_MSG(test, field->offset, end, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->offset % field->width, 0, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, (field->virt | field->write | field->w1c | field->zero) & ~fits, 0U, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->zero & ~field->virt, 0U, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->w1c & field->virt, 0U, "%s+%#x", rule->name, field->offset);
		if (rule->size)
			KUNIT_EXPECT_LE_MSG(test, field->offset + field->width, ALIGN(rule->size, 4), "%s+%#x", rule->name, field->offset);
		end = field->offset + field->width;
	}
}

/* Every id of the specifications has an entry; nothing else is shown. */
static void table_complete(struct kunit *test)
{
	static const u16 shown_ext[] = {
		PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_VC, PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_PWR, PCI_EXT_CAP_ID_VC9, PCI_EXT_CAP_ID_VNDR,
		PCI_EXT_CAP_ID_ACS, PCI_EXT_CAP_ID_LTR, 0x22, PCI_EXT_CAP_ID_DVSEC,
	};
	unsigned int id, i;

	sound_rule(test, &dpath_cfg_header_rule);
	sound_rule(test, &msi64_rule);
	sound_rule(test, &cxl_rule);
	sound_rule(test, &unknown_rule);
	KUNIT_EXPECT_LE(test, strlen(specific_rule.name), (size_t)DPATH_CFG_NAME_MAX);
	KUNIT_EXPECT_LE(test, strlen(specific_rule.why), (size_t)DPATH_CFG_WHY_MAX);
	KUNIT_EXPECT_LE(test, strlen(nowhere_rule.name), (size_t)DPATH_CFG_NAME_MAX);
	KUNIT_EXPECT_LE(test, strlen(nowhere_rule.why), (size_t)DPATH_CFG_WHY_MAX);
	for (id = 0; id < 0x10000; id++) {
		if (id < 0x100 && id <= 0x15) {
			sound_rule(test, dpath_cfg_rule_of(id, false));
			KUNIT_EXPECT_STRNEQ(test, dpath_cfg_rule_of(id, false)->name, "unknown");
		} else {
			KUNIT_EXPECT_PTR_EQ(test, dpath_cfg_rule_of(id, false), &unknown_rule);
		}
		if (id <= 0x36) {
			bool shown = false;

			sound_rule(test, dpath_cfg_rule_of(id, true));
			KUNIT_EXPECT_STRNEQ(test, dpath_cfg_rule_of(id, true)->name, "unknown");
			for (i = 0; i < ARRAY_SIZE(shown_ext); i++)
				shown |= shown_ext[i] == id;
			KUNIT_EXPECT_EQ_MSG(test, dpath_cfg_rule_of(id, true)->how != DPATH_CFG_HIDE, shown, "id %#x", id);
		} else if (dpath_cfg_rule_of(id, true) != &unknown_rule) {
			KUNIT_FAIL(test, "extended id %#x", id);
		}
	}
}

#define HIDE DPATH_CFG_HIDE
#define SHOWN DPATH_CFG_SHOW
#define RAWLY DPATH_CFG_RAW

/* What chapters 6 and 7 of the PCI Express base specification 6.0 and the older ones define, and what becomes of it. */
static const struct treated {
	u16 id;
	bool ext;
	enum dpath_cfg_how how;
	const char *why; /* words that the reason has */
} treated[] = {
	{ 0x00, false, HIDE, "header" },
	{ PCI_CAP_ID_PM, false, SHOWN, "tenant's within bounds" },
	{ PCI_CAP_ID_AGP, false, HIDE, "no IOMMU" },
	{ PCI_CAP_ID_VPD, false, SHOWN, "read-only" },
	{ PCI_CAP_ID_SLOTID, false, HIDE, "bridges" },
	{ PCI_CAP_ID_MSI, false, SHOWN, "kernel programs it" },
	{ PCI_CAP_ID_CHSWP, false, HIDE, "slot" },
	{ PCI_CAP_ID_PCIX, false, SHOWN, "status" },
	{ PCI_CAP_ID_HT, false, HIDE, "routes interrupts" },
	{ PCI_CAP_ID_VNDR, false, RAWLY, "drivers use it" },
	{ PCI_CAP_ID_DBG, false, HIDE, "console" },
	{ PCI_CAP_ID_CCRC, false, HIDE, "chassis" },
	{ PCI_CAP_ID_SHPC, false, HIDE, "bridges" },
	{ PCI_CAP_ID_SSVID, false, SHOWN, "read-only" },
	{ PCI_CAP_ID_AGP3, false, HIDE, "bridges" },
	{ PCI_CAP_ID_SECDEV, false, HIDE, "IOMMU" },
	{ PCI_CAP_ID_EXP, false, SHOWN, "link half the host's" },
	{ PCI_CAP_ID_MSIX, false, SHOWN, "kernel programs it" },
	{ PCI_CAP_ID_SATA, false, SHOWN, "registers" },
	{ PCI_CAP_ID_AF, false, SHOWN, "reset" },
	{ PCI_CAP_ID_EA, false, HIDE, "host addresses" },
	{ 0x15, false, HIDE, "bridges" },
	{ 0x00, true, HIDE, "header" },
	{ PCI_EXT_CAP_ID_ERR, true, SHOWN, "host handles" },
	{ PCI_EXT_CAP_ID_VC, true, SHOWN, "path is the host's" },
	{ PCI_EXT_CAP_ID_DSN, true, SHOWN, "read-only" },
	{ PCI_EXT_CAP_ID_PWR, true, SHOWN, "describes" },
	{ PCI_EXT_CAP_ID_RCLD, true, HIDE, "topology" },
	{ PCI_EXT_CAP_ID_RCILC, true, HIDE, "link of the host" },
	{ PCI_EXT_CAP_ID_RCEC, true, HIDE, "other functions" },
	{ PCI_EXT_CAP_ID_MFVC, true, HIDE, "other functions" },
	{ PCI_EXT_CAP_ID_VC9, true, SHOWN, "path is the host's" },
	{ PCI_EXT_CAP_ID_RCRB, true, HIDE, "root complex" },
	{ PCI_EXT_CAP_ID_VNDR, true, RAWLY, "drivers use it" },
	{ PCI_EXT_CAP_ID_CAC, true, HIDE, "another way" },
	{ PCI_EXT_CAP_ID_ACS, true, SHOWN, "isolation is the host's" },
	{ PCI_EXT_CAP_ID_ARI, true, HIDE, "function numbers" },
	{ PCI_EXT_CAP_ID_ATS, true, HIDE, "pass the IOMMU" },
	{ PCI_EXT_CAP_ID_SRIOV, true, HIDE, "nobody owns" },
	{ PCI_EXT_CAP_ID_MRIOV, true, HIDE, "several hosts" },
	{ PCI_EXT_CAP_ID_MCAST, true, HIDE, "reach others" },
	{ PCI_EXT_CAP_ID_PRI, true, HIDE, "page requests" },
	{ PCI_EXT_CAP_ID_AMD_XXX, true, HIDE, "cannot be known" },
	{ PCI_EXT_CAP_ID_REBAR, true, HIDE, "placed the BARs" },
	{ PCI_EXT_CAP_ID_DPA, true, HIDE, "budget" },
	{ PCI_EXT_CAP_ID_TPH, true, HIDE, "caches of the host" },
	{ PCI_EXT_CAP_ID_LTR, true, SHOWN, "drivers look" },
	{ PCI_EXT_CAP_ID_SECPCI, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PMUX, true, HIDE, "protocols" },
	{ PCI_EXT_CAP_ID_PASID, true, HIDE, "address spaces" },
	{ 0x1c, true, HIDE, "cache lines" },
	{ PCI_EXT_CAP_ID_DPC, true, HIDE, "ports" },
	{ PCI_EXT_CAP_ID_L1SS, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PTM, true, HIDE, "clock" },
	{ 0x20, true, HIDE, "link" },
	{ 0x21, true, HIDE, "root ports" },
	{ 0x22, true, SHOWN, "read-only" },
	{ PCI_EXT_CAP_ID_DVSEC, true, RAWLY, "as VSEC" },
	{ 0x24, true, HIDE, "placed the BARs" },
	{ PCI_EXT_CAP_ID_DLF, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PL_16GT, true, HIDE, "link" },
	{ 0x27, true, HIDE, "link" },
	{ 0x28, true, HIDE, "host" },
	{ 0x29, true, HIDE, "enclosure" },
	{ 0x2a, true, HIDE, "link" },
	{ 0x2b, true, HIDE, "CXL" },
	{ 0x2c, true, HIDE, "firmware" },
	{ 0x2d, true, HIDE, "requester ids" },
	{ PCI_EXT_CAP_ID_DOE, true, HIDE, "host talks to it" },
	{ 0x2f, true, HIDE, "path" },
	{ 0x30, true, HIDE, "keys" },
	{ 0x31, true, HIDE, "link" },
	{ 0x32, true, HIDE, "link" },
	{ 0x33, true, HIDE, "link" },
	{ 0x34, true, HIDE, "link" },
	{ 0x35, true, HIDE, "path" },
	{ 0x36, true, HIDE, "ports" },
};

/* A kernel that knows more ids than the tables: each wants a decision. */
static_assert(PCI_CAP_ID_MAX <= 0x15);
static_assert(PCI_EXT_CAP_ID_MAX <= 0x36);

static void every_id_is_treated_as_written(struct kunit *test)
{
	DECLARE_BITMAP(std, 0x16) = {};
	DECLARE_BITMAP(ext, 0x37) = {};
	const struct treated *t;

	for (t = treated; t < treated + ARRAY_SIZE(treated); t++) {
		const struct dpath_cfg_rule *rule = dpath_cfg_rule_of(t->id, t->ext);

		KUNIT_EXPECT_PTR_NE_MSG(test, rule, &unknown_rule, "id %#x", t->id);
		KUNIT_EXPECT_EQ_MSG(test, rule->how, t->how, "%s", rule->name);
		KUNIT_EXPECT_TRUE_MSG(test, strstr(rule->why, t->why), "%s: '%s' is not in '%s'", rule->name, t->why, rule->why);
		KUNIT_EXPECT_FALSE_MSG(test, __test_and_set_bit(t->id, t->ext ? ext : std), "id %#x twice", t->id);
	}
	KUNIT_EXPECT_TRUE(test, bitmap_full(std, 0x16));
	KUNIT_EXPECT_TRUE(test, bitmap_full(ext, 0x37));
}

static void good_function(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	u32 value;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	put_good(fix);
	KUNIT_ASSERT_EQ(test, build(fix, 4096), 0);
	KUNIT_EXPECT_PTR_EQ(test, fix->map.flaw, NULL);
	expect_sound(test, fix);
	KUNIT_EXPECT_STREQ(test, list_std(test, fix), "1 5 10 11 9");
	/* ATS is the head: a null capability stays in its place. */
	KUNIT_EXPECT_STREQ(test, list_ext(test, fix), "0 1 3 b");
	KUNIT_EXPECT_EQ(test, get(fix, 0x100, 4), 0x11000000U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x110, 4), 0x1a020001U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x1b0, 4), 0x0001000bU);

	/* Command: bus master and memory persist, SERR# and INTx disable do not reach the hardware. */
	KUNIT_EXPECT_EQ(test, get(fix, PCI_COMMAND, 2), (u32)PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_EQ(test, set(fix, PCI_COMMAND, 2, 0x0546), 0U);
	KUNIT_EXPECT_EQ(test, get(fix, PCI_COMMAND, 2), 0x0546U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + PCI_COMMAND, 2), 0x0146U);
	KUNIT_EXPECT_EQ(test, set(fix, PCI_COMMAND, 2, 0x0546 | PCI_COMMAND_SPECIAL), (u32)PCI_COMMAND_SPECIAL);
	/* Status is not cleared by a write that does not mean it. */
	put(fix, PCI_STATUS, 2, 0xf910);
	set(fix, PCI_COMMAND, 4, 0x00100006);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + PCI_STATUS, 2), 0x0010U);

	KUNIT_EXPECT_EQ(test, get(fix, PCI_BASE_ADDRESS_0, 4), 0U);
	KUNIT_EXPECT_EQ(test, set(fix, PCI_VENDOR_ID, 4, 0x00101b37), 1U);
	KUNIT_EXPECT_EQ(test, get(fix, PCI_VENDOR_ID, 4), 0x00101b36U);

	/* PM: no wake-ups, PowerState in the shadow. */
	KUNIT_EXPECT_EQ(test, get(fix, 0x42, 2), 0x0603U);
	set(fix, 0x44, 2, 0x8103);
	KUNIT_EXPECT_EQ(test, get(fix, 0x44, 2), 0x000bU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x44, 2), 0x0108U);

	/* MSI and MSI-X: everything may be written, nothing arrives. */
	set(fix, 0x50, 4, ~0U);
	set(fix, 0x54, 4, 0xfee01004);
	set(fix, 0x60, 4, 0x55);
	KUNIT_EXPECT_EQ(test, get(fix, 0x50, 4), 0x01f17005U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x54, 4), 0xfee01004U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x60, 4), 0x55U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x50, 4), 0x01807005U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x54, 4), 0U);
	set(fix, 0xb2, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, get(fix, 0xb2, 2), 0xc040U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0xb2, 2), 0x0040U);

	/* PCI Express: phantom functions never, no-snoop and relaxed ordering in the hardware, the rest in the shadow. */
	KUNIT_EXPECT_EQ(test, get(fix, 0x70 + PCI_EXP_DEVCAP, 4), PCI_EXP_DEVCAP_FLR | 1);
	KUNIT_EXPECT_EQ(test, set(fix, 0x70 + PCI_EXP_DEVCTL, 2, 0x7fff), (u32)PCI_EXP_DEVCTL_PHANTOM);
	KUNIT_EXPECT_EQ(test, get(fix, 0x70 + PCI_EXP_DEVCTL, 2), 0x7dffU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x70 + PCI_EXP_DEVCTL, 2), 0x2910U);
	set(fix, 0x70 + PCI_EXP_LNKCTL, 2, 0x0003);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x70 + PCI_EXP_LNKCTL, 2), 0U);

	/* Vendor specific: raw but for the header. */
	set(fix, 0xc4, 4, 0xa5a5a5a5);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0xc4, 4), 0xa5a5a5a5U);
	KUNIT_EXPECT_EQ(test, set(fix, 0xc0, 2, 0x4005), 0x400cU);
	/* Device specific space between capabilities: raw; a hidden capability and what is behind it: closed. */
	KUNIT_EXPECT_EQ(test, set(fix, 0x48, 4, 0x77), 0U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x48, 4), 0x77U);
	expect_closed(test, fix, 0xd0, 0x30);

	/* AER: the host's; masks are only pretended. */
	KUNIT_EXPECT_EQ(test, set(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4, 0), 0x00100000U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4), 0x00100000U);
	set(fix, 0x110 + PCI_ERR_UNCOR_MASK, 4, ~0U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x110 + PCI_ERR_UNCOR_MASK, 4), ~0U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->space.bytes + 0x110 + PCI_ERR_UNCOR_MASK, 4), 0U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x1a4, 4), 0xdeadbeefU);
	/* VSEC: its 0x18 bytes are raw, what follows is closed. */
	KUNIT_EXPECT_EQ(test, set(fix, 0x1c4, 4, 0x99), 0U);
	KUNIT_EXPECT_EQ(test, set(fix, 0x1c8, 4, 0x99), 0x99U);
	value = dpath_cfg_load(fix->space.bytes + 0x1c4, 4);
	KUNIT_EXPECT_EQ(test, value, 0x99U);
	expect_closed(test, fix, 0x104, 12);
	expect_closed(test, fix, 0x150, 0x50);

	KUNIT_EXPECT_NOT_NULL(test, dpath_cfgmap_find(&fix->map, PCI_CAP_ID_MSIX, false));
	KUNIT_EXPECT_PTR_EQ(test, dpath_cfgmap_find(&fix->map, PCI_EXT_CAP_ID_ATS, true), NULL);
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x106), "translated requests pass the IOMMU by");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x48), "drivers use it");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x800), "belongs to no capability");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, PCI_COMMAND), "header");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x48), "device specific");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x72), "PCI Express");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x106), "ATS");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x800), "unused");
}

/* Both lists as a guest walks them, as position:id. */
static const char *walk_as_guest(struct kunit *test, const struct fixture *fix, bool ext)
{
	unsigned int pos = ext ? 0x100 : get(fix, PCI_CAPABILITY_LIST, 1), len = 0, ttl = 48, id;
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	u32 head;

	KUNIT_ASSERT_NOT_NULL(test, text);
	if (ext ? fix->map.size <= 0x100 : !(get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return text;
	while (pos && ttl--) {
		head = get(fix, pos, 4);
		id = ext ? PCI_EXT_CAP_ID(head) : head & 0xff;
		if (id)
			len += scnprintf(text + len, 256 - len, "%s%x:%x", len ? " " : "", pos, id);
		pos = ext ? PCI_EXT_CAP_NEXT(head) : (head >> 8) & 0xff;
	}
	return text;
}

/* What a guest shall have of one byte. */
struct byte {
	u8 reads;
	u8 hard;
	u8 soft;
	bool link; /* of a list, and checked with it */
};

/* A byte of one of the registers that are listed; false: it is none. */
static bool listed(const struct dpath_cfgspace *space, unsigned int offset, struct byte *byte)
{
	const struct dpath_cfgspace_form *form;
	const struct dpath_cfgspace_reg *reg;
	unsigned int shift;

	for (form = space->forms; form->regs; form++) {
		for (reg = form->regs; reg->width; reg++) {
			if (offset < form->pos + reg->offset || offset >= form->pos + reg->offset + reg->width)
				continue;
			shift = (offset - form->pos - reg->offset) * 8;
			byte->reads = form->reads[reg - form->regs] >> shift;
			byte->hard = reg->hard >> shift;
			byte->soft = reg->soft >> shift;
			return true;
		}
	}
	return false;
}

static const struct dpath_cfgspace_cap *cap_at(const struct dpath_cfgspace *space, unsigned int offset)
{
	const struct dpath_cfgspace_cap *cap;

	for (cap = space->caps; cap->size; cap++)
		if (offset >= cap->pos && offset < cap->pos + cap->size)
			return cap;
	return NULL;
}

static struct byte expected(const struct dpath_cfgspace *space, const u8 *hw, unsigned int offset)
{
	const struct dpath_cfgspace_cap *cap = cap_at(space, offset);
	struct byte byte = {};

	if (listed(space, offset, &byte) || (cap && cap->how == CFGSPACE_HIDDEN))
		return byte;
	byte.link = cap && offset - cap->pos < (cap->pos < 0x100 ? 2 : 4);
	if (offset < 0x40 || cap)
		byte.reads = hw[offset];
	if (cap && cap->how == CFGSPACE_RAW && !byte.link)
		byte.hard = 0xff;
	if (offset >= 0x40 && offset < 0x100 && !cap) {
		byte.reads = hw[offset];
		byte.hard = 0xff;
	}
	return byte;
}

static void expect_bytes(struct kunit *test, const struct fixture *fix, const struct dpath_cfgspace *space)
{
	unsigned int i;

	for (i = 0; i < space->size; i++) {
		struct byte byte = expected(space, fix->space.bytes, i);
		struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, i, 1);

		if (!byte.link)
			KUNIT_EXPECT_EQ_MSG(test, get(fix, i, 1), (u32)byte.reads, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, bits.write & ~bits.virt, (u32)byte.hard, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, bits.write & bits.virt, (u32)byte.soft, "%s: %#x", space->name, i);
	}
}

/* A guest that writes everything everywhere: what of it arrives. Error bits are cleared by a one, and never set. */
static void expect_writes(struct kunit *test, struct fixture *fix, const struct dpath_cfgspace *space, u32 value)
{
	u8 *before = kunit_kmalloc(test, DPATH_CFG_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, before);
	memcpy(before, fix->space.bytes, DPATH_CFG_SIZE);
	for (i = 0; i < space->size; i += 4)
		set(fix, i, 4, value);
	for (i = 0; i < space->size; i++) {
		struct byte byte = expected(space, before, i);
		u8 w1c = dpath_cfgmap_bits(&fix->map, i, 1).w1c, now = fix->space.bytes[i];

		KUNIT_EXPECT_EQ_MSG(test, (now ^ before[i]) & ~byte.hard & ~w1c, 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, (now ^ value) & byte.hard & ~w1c, 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, get(fix, i, 1) & byte.soft, value & byte.soft, "%s: %#x", space->name, i);
	}
}

static void recorded_functions(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space;
	const struct dpath_cfgspace_cap *cap;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (space = dpath_cfgspaces; space < dpath_cfgspaces + dpath_nr_cfgspaces; space++) {
		fix->space.fail_at = 0;
		KUNIT_ASSERT_TRUE_MSG(test, dpath_cfgspace_load(space, fix->space.bytes), "%s", space->name);
		KUNIT_ASSERT_EQ_MSG(test, build(fix, space->size), 0, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, fix->map.flaw ?: "", "", "%s", space->name);
		for (nr = 0, cap = space->caps; cap->size; cap++)
			nr++;
		KUNIT_EXPECT_EQ_MSG(test, fix->map.nr, nr, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, false), space->std, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, true), space->ext, "%s", space->name);
		expect_bytes(test, fix, space);
		expect_sound(test, fix);
		expect_writes(test, fix, space, ~0U);
		expect_writes(test, fix, space, 0);
		/* However much was written, the lists are as they were. */
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, false), space->std, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, true), space->ext, "%s", space->name);
	}
	KUNIT_EXPECT_GE(test, dpath_nr_cfgspaces, 8U);
}

/* 256 bytes: no extended list, whatever is there. */
static void small_function(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	put_good(fix);
	KUNIT_ASSERT_EQ(test, build(fix, 256), 0);
	expect_sound(test, fix);
	KUNIT_EXPECT_STREQ(test, list_std(test, fix), "1 5 10 11 9");
	KUNIT_EXPECT_PTR_EQ(test, dpath_cfgmap_find(&fix->map, PCI_EXT_CAP_ID_DSN, true), NULL);
	KUNIT_EXPECT_EQ(test, build(fix, 1024), -EINVAL);
	KUNIT_EXPECT_EQ(test, build(fix, 0), -EINVAL);
}

static void wrong_functions(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	int i, ret;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	memset(fix->space.bytes, 0xff, sizeof(fix->space.bytes));
	KUNIT_EXPECT_EQ(test, build(fix, 4096), -ENODEV);
	put_good(fix);
	put(fix, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	KUNIT_EXPECT_EQ(test, build(fix, 4096), -EINVAL);
	put(fix, PCI_HEADER_TYPE, 1, 0x80);
	KUNIT_EXPECT_EQ(test, build(fix, 4096), 0);
	/* A virtual function: ones for ids. */
	put(fix, PCI_VENDOR_ID, 4, ~0U);
	KUNIT_EXPECT_EQ(test, build(fix, 4096), 0);
	/* An error of the reader at any point comes back. */
	for (i = 1; i < 400; i++) {
		put_good(fix);
		fix->space.fail_at = i;
		ret = build(fix, 4096);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, ret, -EIO);
	}
	KUNIT_EXPECT_GT(test, i, 50);
	KUNIT_EXPECT_LT(test, i, 400);
}

/* The list bit, or nothing to show. */
static void no_lists(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	put_header(fix, 0);
	put(fix, PCI_CAPABILITY_LIST, 1, 0x40);
	put_cap(fix, 0x40, PCI_CAP_ID_PM, 0, 0);
	KUNIT_ASSERT_EQ(test, build(fix, 4096), 0);
	KUNIT_EXPECT_EQ(test, fix->map.nr, 1U);	/* the null capability at 0x100 */
	KUNIT_EXPECT_EQ(test, get(fix, PCI_CAPABILITY_LIST, 1), 0U);
	expect_sound(test, fix);

	put_header(fix, 0x40);
	put_cap(fix, 0x40, PCI_CAP_ID_HT, 0x60, 0);
	put_cap(fix, 0x60, 0x77, 0, 0);
	put_ecap(fix, 0x100, PCI_EXT_CAP_ID_ATS, 1, 0x200);
	put_ecap(fix, 0x200, PCI_EXT_CAP_ID_ARI, 1, 0);
	KUNIT_ASSERT_EQ(test, build(fix, 4096), 0);
	KUNIT_EXPECT_PTR_EQ(test, fix->map.flaw, NULL);
	KUNIT_EXPECT_EQ(test, get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0U);
	KUNIT_EXPECT_EQ(test, get(fix, PCI_CAPABILITY_LIST, 1), 0U);
	KUNIT_EXPECT_EQ(test, get(fix, 0x100, 4), 0U);
	/* Unknown ones close everything up to the next capability. */
	expect_closed(test, fix, 0x40, 0xc0);
	expect_sound(test, fix);
}

/* A dword of a hostile config space. */
struct poke {
	u16 offset;
	u32 value;
};

#define CAP(pos, id, next, word) { pos, (id) | (next) << 8 | (u32)(word) << 16 }
#define ECAP(pos, id, next) { pos, (id) | 1 << 16 | (u32)(next) << 20 }

/* First capability, what is there, what the tenant shall see of it, and what is to be found fault with. */
static const struct hostile {
	const char *name;
	u8 first;
	struct poke pokes[8];
	const char *std;
	const char *ext;
	const char *flaw;
} hostiles[] = {
	{ "loop to itself", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x40, 3) }, "1", "", "the capability list is a loop" },
	{ "loop to the head", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x50, 3), CAP(0x50, PCI_CAP_ID_SSVID, 0x40, 0) }, "1 d", "",
	  "the capability list is a loop" },
	{ "loop of hidden ones", 0x40, { CAP(0x40, 0x60, 0x50, 0), CAP(0x50, 0x61, 0x40, 0) }, "", "", "the capability list is a loop" },
	{ "head in the header", 0x10, {}, "", "", "a capability pointer points into the header" },
	{ "next in the header", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x3c, 3) }, "1", "", "a capability pointer points into the header" },
	{ "misaligned pointers", 0x42, { CAP(0x40, PCI_CAP_ID_PM, 0x53, 3), CAP(0x50, PCI_CAP_ID_SSVID, 1, 0) }, "1 d", "", NULL },
	{ "ends in ones", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x50, 3), { 0x50, ~0U } }, "1", "", "a capability does not answer" },
	{ "truncated PM", 0xfc, { CAP(0xfc, PCI_CAP_ID_PM, 0, 3) }, "", "", "a capability runs over the end of its space" },
	{ "truncated PCI Express", 0xe0, { CAP(0xe0, PCI_CAP_ID_EXP, 0, 2) }, "", "", "a capability runs over the end of its space" },
	{ "MSI over PM", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x48, PCI_MSI_FLAGS_64BIT), CAP(0x48, PCI_CAP_ID_PM, 0, 3) }, "", "",
	  "capabilities overlap" },
	{ "vendor over MSI", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0x50, 0xff), CAP(0x50, PCI_CAP_ID_MSI, 0, 0) }, "9 5", "",
	  "a vendor specific capability runs into the next one" },
	{ "vendor within MSI", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x44, 0x180), CAP(0x44, PCI_CAP_ID_VNDR, 0, 8) }, "", "", "capabilities overlap" },
	{ "vendor over the end", 0xf0, { CAP(0xf0, PCI_CAP_ID_VNDR, 0, 0xff) }, "9", "", "a vendor specific capability runs into the next one" },
	{ "vendor without length", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0, 0) }, "", "", "a capability has a nonsensical length" },
	{ "vendor twice", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0x50, 8), CAP(0x50, PCI_CAP_ID_VNDR, 0, 8) }, "9 9", "", NULL },
	{ "MSI twice", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x60, 0), CAP(0x60, PCI_CAP_ID_MSI, 0, 0) }, "5", "", NULL },
	{ "null capability", 0x40, { CAP(0x40, 0, 0x50, 0), CAP(0x50, PCI_CAP_ID_PM, 0, 3) }, "1", "", NULL },
	{ "ext loop to itself", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x100) }, "", "3", "the extended capability list is a loop" },
	{ "ext loop", 0, { ECAP(0x100, PCI_EXT_CAP_ID_ATS, 0x200), ECAP(0x200, PCI_EXT_CAP_ID_DSN, 0x100) }, "", "0 3",
	  "the extended capability list is a loop" },
	{ "ext next in the first 256 bytes", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x40) }, "", "3",
	  "an extended capability pointer points out of its space" },
	{ "ext next in the header", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x4) }, "", "3", "an extended capability pointer points out of its space" },
	{ "ext truncated", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VC, 0xffc), ECAP(0xffc, PCI_EXT_CAP_ID_DSN, 0) }, "", "2",
	  "a capability runs over the end of its space" },
	{ "ext ones", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), { 0x200, ~0U } }, "", "3", "an extended capability does not answer" },
	{ "ext ones at the head", 0, { { 0x100, ~0U } }, "", "", NULL },
	{ "VSEC over ATS", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VNDR, 0x120), { 0x104, 0xfff00001 }, ECAP(0x120, PCI_EXT_CAP_ID_ATS, 0) }, "", "b",
	  "a vendor specific capability runs into the next one" },
	{ "VSEC within ATS", 0, { ECAP(0x100, PCI_EXT_CAP_ID_ATS, 0x104), ECAP(0x104, PCI_EXT_CAP_ID_VNDR, 0), { 0x108, 0x01000001 } }, "", "",
	  "capabilities overlap" },
	{ "VSEC within SR-IOV", 0, { ECAP(0x100, PCI_EXT_CAP_ID_SRIOV, 0x108), ECAP(0x108, PCI_EXT_CAP_ID_VNDR, 0), { 0x10c, 0x01000001 } }, "", "",
	  "capabilities overlap" },
	{ "VSEC without length", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VNDR, 0) }, "", "", "a capability has a nonsensical length" },
	{ "CXL and another DVSEC", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DVSEC, 0x140), { 0x104, 0x03801e98 }, ECAP(0x140, PCI_EXT_CAP_ID_DVSEC, 0),
	  { 0x144, 0x01008086 } }, "", "0 23", NULL },
	{ "unknown ext in the middle", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), ECAP(0x200, 0x7777, 0x300), ECAP(0x300, PCI_EXT_CAP_ID_LTR, 0) },
	  "", "3 18", NULL },
	{ "DSN twice", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), ECAP(0x200, PCI_EXT_CAP_ID_DSN, 0) }, "", "3", NULL },
};

static void hostile_functions(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (i = 0; i < ARRAY_SIZE(hostiles); i++) {
		const struct hostile *hostile = &hostiles[i];

		put_header(fix, hostile->first);
		for (j = 0; j < ARRAY_SIZE(hostile->pokes); j++) {
			if (hostile->pokes[j].offset)
				put(fix, hostile->pokes[j].offset, 4, hostile->pokes[j].value);
		}
		KUNIT_ASSERT_EQ_MSG(test, build(fix, 4096), 0, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, list_std(test, fix), hostile->std, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, list_ext(test, fix), hostile->ext, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, fix->map.flaw ?: "", hostile->flaw ?: "", "%s", hostile->name);
		expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "in: %s", hostile->name);
			return;
		}
	}
}

/* As many capabilities as fit, and more than there is room for. */
static void crowded_function(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	unsigned int pos;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	put_header(fix, 0x40);
	for (pos = 0x40; pos < 0x100; pos += 4)
		put_cap(fix, pos, PCI_CAP_ID_VNDR, pos + 4 < 0x100 ? pos + 4 : 0, 4);
	put_ecap(fix, 0x100, PCI_EXT_CAP_ID_VNDR, 1, 0xff8);
	put(fix, 0x104, 4, 0xef800001);
	for (pos = 0xff8; pos > 0x100; pos -= 8)
		put_ecap(fix, pos, PCI_EXT_CAP_ID_ATS, 1, pos - 8);
	KUNIT_ASSERT_EQ(test, build(fix, 4096), 0);
	KUNIT_EXPECT_STREQ(test, fix->map.flaw, "too many capabilities");
	KUNIT_EXPECT_EQ(test, fix->map.nr, (unsigned int)DPATH_CFG_CAPS);
	expect_sound(test, fix);
	expect_closed(test, fix, 0x104, 0xefc);
}

static u32 random_below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Garbage over which lists are laid whose entries lie anywhere, so that they often overlap, loop and run out. */
static void put_random(struct fixture *fix, struct rnd_state *rnd)
{
	unsigned int nr = 1 + random_below(rnd, 14), i, pos, next;

	prandom_bytes_state(rnd, fix->space.bytes, sizeof(fix->space.bytes));
	for (i = 0, pos = 0; i < nr; i++, pos = next & ~3) {
		next = random_below(rnd, 20) ? 0x40 + 4 * random_below(rnd, 48) : random_below(rnd, 256);
		put(fix, pos ? pos + 1 : PCI_CAPABILITY_LIST, 1, next);
		if (pos)
			put(fix, pos, 1, random_below(rnd, 0x18));
	}
	for (i = 0, pos = 0x100; i < nr; i++, pos = next & ~3) {
		next = random_below(rnd, 20) ? 0x100 + 4 * random_below(rnd, 200) : random_below(rnd, 4096);
		put_ecap(fix, min(pos, 0xffcU), random_below(rnd, 8) ? random_below(rnd, 0x3a) : PCI_EXT_CAP_ID_VNDR, 1, next);
	}
	/* Last: a list may have gone through the header. */
	put(fix, PCI_HEADER_TYPE, 1, 0);
	put(fix, PCI_STATUS, 2, random_below(rnd, 8) ? PCI_STATUS_CAP_LIST : 0);
}

static void random_functions(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct rnd_state rnd;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	memset(&fix->space, 0, sizeof(fix->space));
	for (seed = 1; seed <= 1500; seed++) {
		prandom_seed_state(&rnd, seed);
		put_random(fix, &rnd);
		KUNIT_EXPECT_EQ_MSG(test, build(fix, seed % 4 ? 4096 : 256), 0, "seed %u", seed);
		expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u", seed);
			return;
		}
	}
}

/*
 * A device that exists, with some of its bytes changed: mostly links, ids and lengths of its lists, sometimes anything. Whatever comes of it ends and
 * keeps its secrets.
 */
static void mutated_functions(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space;
	const struct dpath_cfgspace_cap *cap;
	struct rnd_state rnd;
	unsigned int i, nr;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (seed = 1; seed <= 4000; seed++) {
		prandom_seed_state(&rnd, seed);
		space = &dpath_cfgspaces[seed % dpath_nr_cfgspaces];
		KUNIT_ASSERT_TRUE(test, dpath_cfgspace_load(space, fix->space.bytes));
		for (nr = 0, cap = space->caps; cap->size; cap++)
			nr++;
		for (i = 1 + random_below(&rnd, 6); i; i--) {
			cap = &space->caps[random_below(&rnd, nr)];
			if (random_below(&rnd, 4))
				put(fix, cap->pos + random_below(&rnd, 6), 1, prandom_u32_state(&rnd));
			else if (random_below(&rnd, 8))
				put(fix, PCI_CAPABILITY_LIST, 1, prandom_u32_state(&rnd));
			else
				put(fix, random_below(&rnd, 4096), 1, prandom_u32_state(&rnd));
		}
		put(fix, PCI_HEADER_TYPE, 1, 0);
		put(fix, PCI_CACHE_LINE_SIZE, 1, 0);
		KUNIT_EXPECT_EQ_MSG(test, build(fix, space->size), 0, "seed %u", seed);
		expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u: %s", seed, space->name);
			return;
		}
	}
}

/* No lists laid out at all. */
static void noise(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct rnd_state rnd;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (seed = 1; seed <= 1000; seed++) {
		prandom_seed_state(&rnd, seed);
		prandom_bytes_state(&rnd, fix->space.bytes, sizeof(fix->space.bytes));
		put(fix, PCI_HEADER_TYPE, 1, 0);
		KUNIT_EXPECT_EQ_MSG(test, build(fix, 4096), 0, "seed %u", seed);
		expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u", seed);
			return;
		}
	}
}

static struct kunit_case cfgperm_cases[] = {
	KUNIT_CASE(merge_definition),
	KUNIT_CASE(load_store),
	KUNIT_CASE(table_complete),
	KUNIT_CASE(every_id_is_treated_as_written),
	KUNIT_CASE(good_function),
	KUNIT_CASE(recorded_functions),
	KUNIT_CASE(small_function),
	KUNIT_CASE(wrong_functions),
	KUNIT_CASE(no_lists),
	KUNIT_CASE(hostile_functions),
	KUNIT_CASE(crowded_function),
	KUNIT_CASE(random_functions),
	KUNIT_CASE(mutated_functions),
	KUNIT_CASE(noise),
	{}
};

static struct kunit_suite cfgperm_suite = {
	.name = "directpath_cfgperm",
	.test_cases = cfgperm_cases,
};

kunit_test_suite(cfgperm_suite);
