// SPDX-License-Identifier: GPL-2.0
/*
 * The walk that lays the permission tables over a function, and the merge of one access.
 *
 * The walk believes nothing. A list ends at the first entry that points into the header, out of the space, back to an entry seen before, or that
 * reads as ones. Capabilities that overlap are hidden, both; raw ones end where the next one starts. Of an id that exists once per function only
 * the first is shown, because that is the one the kernel drives. A device that gives other answers to a second read gains nothing: which range
 * is treated how was decided from the first.
 *
 * The result is four byte arrays over config space, so that an access costs four loads and a merge, whatever it touches.
 */

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <uapi/linux/pci_regs.h>

#include "cfgperm.h"
#include "cfgrule.h"

#define EXT_START 0x100
#define ALL32 0xffffffffU

/* Reasons for what belongs to no capability. */
static const struct dpath_cfg_rule specific_rule = {
	.name = "device specific", .why = "drivers use it", .how = DPATH_CFG_RAW,
};

static const struct dpath_cfg_rule nowhere_rule = {
	.name = "unused", .why = "belongs to no capability", .how = DPATH_CFG_HIDE,
};

/**
 * dpath_cfg_load - little endian bytes as a number
 * @bytes: where
 * @width: 1, 2 or 4
 *
 * Return: the number.
 */
u32 dpath_cfg_load(const u8 *bytes, unsigned int width)
{
	/* Spelled out, so that the compiler sees one load. */
	switch (width) {
	case 1:
		return bytes[0];
	case 2:
		return bytes[0] | bytes[1] << 8;
	default:
		return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (u32)bytes[3] << 24;
	}
}

/**
 * dpath_cfg_store - a number as little endian bytes
 * @bytes: where
 * @width: 1, 2 or 4
 * @value: the number; what does not fit is dropped
 */
void dpath_cfg_store(u8 *bytes, unsigned int width, u32 value)
{
	switch (width) {
	case 4:
		bytes[3] = value >> 24;
		bytes[2] = value >> 16;
		fallthrough;
	case 2:
		bytes[1] = value >> 8;
		fallthrough;
	default:
		bytes[0] = value;
	}
}

/**
 * dpath_cfgmap_bits - masks and shadow of one access
 * @map: the tables
 * @offset: first byte
 * @width: 1, 2 or 4; the caller has checked that it fits
 *
 * Return: the masks and the shadow.
 */
struct dpath_cfg_bits dpath_cfgmap_bits(const struct dpath_cfgmap *map, unsigned int offset, unsigned int width)
{
	return (struct dpath_cfg_bits){
		.shadow = dpath_cfg_load(map->shadow + offset, width),
		.virt = dpath_cfg_load(map->virt + offset, width),
		.write = dpath_cfg_load(map->write + offset, width),
		.w1c = dpath_cfg_load(map->w1c + offset, width),
	};
}

/**
 * dpath_cfgmap_set - replace masks and shadow of a register
 * @map: the tables
 * @offset: first byte
 * @width: 1, 2 or 4
 * @bits: what to set
 */
void dpath_cfgmap_set(struct dpath_cfgmap *map, unsigned int offset, unsigned int width, const struct dpath_cfg_bits *bits)
{
	dpath_cfg_store(map->shadow + offset, width, bits->shadow);
	dpath_cfg_store(map->virt + offset, width, bits->virt);
	dpath_cfg_store(map->write + offset, width, bits->write);
	dpath_cfg_store(map->w1c + offset, width, bits->w1c);
}

/**
 * dpath_cfg_merge_read - what the tenant reads
 * @bits: masks and shadow
 * @hw: what the hardware holds; does not matter where all is virtual
 *
 * Return: the value.
 */
u32 dpath_cfg_merge_read(const struct dpath_cfg_bits *bits, u32 hw)
{
	return (hw & ~bits->virt) | (bits->shadow & bits->virt);
}

/**
 * dpath_cfg_merge_write - what a write of the tenant does
 * @bits: masks and shadow
 * @hw: what the hardware holds; does not matter where nothing of it is writable
 * @value: what the tenant wrote
 *
 * Only bytes with a bit that the tenant may change in the hardware are written there: the host changes others concurrently (INTx disable is in
 * the byte next to bus master), and a read, merge and write back would undo that.
 *
 * Return: new shadow, value and byte lanes for the hardware, and what was denied.
 */
struct dpath_cfg_write dpath_cfg_merge_write(const struct dpath_cfg_bits *bits, u32 hw, u32 value)
{
	u32 soft = bits->virt & bits->write;
	u32 hard = ~bits->virt & bits->write;
	struct dpath_cfg_write out = {
		.shadow = (bits->shadow & ~soft) | (value & soft),
		.hw = (hw & ~hard & ~bits->w1c) | (value & hard),
		.denied = (value ^ dpath_cfg_merge_read(bits, hw)) & ~bits->write,
	};
	unsigned int shift;

	for (shift = 0; shift < 32; shift += 8) {
		if ((hard >> shift) & 0xff)
			out.lanes |= 0xffU << shift;
	}
	return out;
}

static void set_flaw(struct dpath_cfgmap *map, const char *flaw)
{
	if (!map->flaw)
		map->flaw = flaw;
}

/* Remember a capability. @dw0 is its header; the dword behind it is read here, as some sizes are in it. */
static int add_cap(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader, unsigned int pos, u32 dw0, bool ext)
{
	const struct dpath_cfg_rule *rule, *finer;
	unsigned int limit = ext ? map->size : EXT_START;
	u16 id = ext ? PCI_EXT_CAP_ID(dw0) : dw0 & 0xff;
	struct dpath_cfgcap *cap;
	unsigned int size;
	u32 dw1 = 0;
	int ret;

	if (pos + 4 < limit) {
		ret = reader->read(reader->ctx, pos + 4, &dw1);
		if (ret)
			return ret;
	}
	rule = dpath_cfg_rule_of(id, ext);
	finer = rule->refine ? rule->refine(dw0, dw1) : NULL;
	if (finer)
		rule = finer;
	size = rule->measure ? rule->measure(dw0, dw1) : rule->size;

	cap = &map->caps[map->nr++];
	*cap = (struct dpath_cfgcap){
		.rule = rule,
		.id = id,
		.pos = pos,
		.size = ALIGN(size, 4),
		.ext = ext,
		.shown = rule->how != DPATH_CFG_HIDE && size,
	};
	if (rule->how != DPATH_CFG_HIDE && !size)
		set_flaw(map, "a capability has a nonsensical length");
	return 0;
}

static int walk_std(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader)
{
	DECLARE_BITMAP(seen, EXT_START / 4) = {};
	u32 value;
	u8 pos;
	int ret;

	ret = reader->read(reader->ctx, PCI_COMMAND, &value);
	if (ret || !((value >> 16) & PCI_STATUS_CAP_LIST))
		return ret;
	ret = reader->read(reader->ctx, PCI_CAPABILITY_LIST, &value);
	if (ret)
		return ret;
	for (pos = value & ~3; pos; pos = (value >> 8) & ~3) {
		if (pos < PCI_STD_HEADER_SIZEOF) {
			set_flaw(map, "a capability pointer points into the header");
			return 0;
		}
		if (__test_and_set_bit(pos / 4, seen)) {
			set_flaw(map, "the capability list is a loop");
			return 0;
		}
		ret = reader->read(reader->ctx, pos, &value);
		if (ret)
			return ret;
		if ((value & 0xff) == 0xff) {
			set_flaw(map, "a capability does not answer");
			return 0;
		}
		ret = add_cap(map, reader, pos, value, false);
		if (ret)
			return ret;
	}
	return 0;
}

/* What the rest of the list holds is not known, and a vendor specific capability might lie over it. */
static void hide_ext(struct dpath_cfgmap *map)
{
	struct dpath_cfgcap *cap;

	for (cap = map->caps; cap < map->caps + map->nr; cap++) {
		if (cap->ext)
			cap->shown = false;
	}
}

static int walk_ext(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader)
{
	DECLARE_BITMAP(seen, DPATH_CFG_SIZE / 4) = {};
	unsigned int pos;
	u32 value;
	int ret;

	for (pos = EXT_START; pos; pos = PCI_EXT_CAP_NEXT(value)) {
		if (pos < EXT_START || pos >= map->size) {
			set_flaw(map, "an extended capability pointer points out of its space");
			return 0;
		}
		if (__test_and_set_bit(pos / 4, seen)) {
			set_flaw(map, "the extended capability list is a loop");
			return 0;
		}
		ret = reader->read(reader->ctx, pos, &value);
		if (ret)
			return ret;
		if (value == ALL32) {
			if (pos > EXT_START)
				set_flaw(map, "an extended capability does not answer");
			return 0;
		}
		if (map->nr == DPATH_CFG_CAPS) {
			set_flaw(map, "too many capabilities");
			hide_ext(map);
			return 0;
		}
		ret = add_cap(map, reader, pos, value, true);
		if (ret)
			return ret;
	}
	return 0;
}

/* End capabilities of unknown or unchecked length at the next one; hide what runs over the end of its space. */
static void bound_cap(struct dpath_cfgmap *map, struct dpath_cfgcap *cap)
{
	unsigned int end = cap->ext ? map->size : EXT_START;
	const struct dpath_cfgcap *other;

	if (cap->shown && cap->rule->how == DPATH_CFG_SHOW) {
		if (cap->pos + cap->size > end) {
			set_flaw(map, "a capability runs over the end of its space");
			cap->shown = false;
			cap->size = end - cap->pos;
		}
		return;
	}
	if (!cap->shown && cap->ext) {
		cap->size = min_t(unsigned int, max_t(unsigned int, cap->size, 4), end - cap->pos);
		return;
	}
	for (other = map->caps; other < map->caps + map->nr; other++) {
		if (other->ext == cap->ext && other->pos > cap->pos && other->pos < end)
			end = other->pos;
	}
	if (!cap->size || cap->pos + cap->size > end) {
		if (cap->shown)
			set_flaw(map, "a vendor specific capability runs into the next one");
		cap->size = end - cap->pos;
	}
}

static void hide_overlaps(struct dpath_cfgmap *map)
{
	struct dpath_cfgcap *a, *b;

	for (a = map->caps; a < map->caps + map->nr; a++) {
		for (b = map->caps; b < a; b++) {
			if (a->ext != b->ext)
				continue;
			if (a->pos < b->pos + b->size && b->pos < a->pos + a->size) {
				set_flaw(map, "capabilities overlap");
				a->shown = false;
				b->shown = false;
			}
		}
	}
}

static void hide_repeated(struct dpath_cfgmap *map)
{
	struct dpath_cfgcap *cap, *before;

	for (cap = map->caps; cap < map->caps + map->nr; cap++) {
		for (before = map->caps; before < cap && !cap->rule->many; before++) {
			if (before->id == cap->id && before->ext == cap->ext)
				cap->shown = false;
		}
	}
}

static void fill_bits(struct dpath_cfgmap *map, unsigned int pos, unsigned int size, u8 virt, u8 write)
{
	memset(map->shadow + pos, 0, size);
	memset(map->virt + pos, virt, size);
	memset(map->write + pos, write, size);
	memset(map->w1c + pos, 0, size);
}

/* Lay a rule over its range, and take the first values of virtual bits from the hardware. */
static int apply_rule(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader, const struct dpath_cfg_rule *rule, unsigned int pos,
		      unsigned int size)
{
	const struct dpath_cfg_field *field;
	struct dpath_cfg_bits bits;
	unsigned int i;
	u32 value;
	int ret;

	fill_bits(map, pos, size, 0, rule->how == DPATH_CFG_RAW ? 0xff : 0);
	for (i = 0; i < size; i += 4) {
		ret = reader->read(reader->ctx, pos + i, &value);
		if (ret)
			return ret;
		dpath_cfg_store(map->shadow + pos + i, 4, value);
	}
	for (field = rule->fields; field && field->width; field++) {
		if (field->offset + field->width > size)
			continue;
		bits.shadow = dpath_cfg_load(map->shadow + pos + field->offset, field->width) & ~field->zero;
		bits.virt = field->virt;
		bits.write = field->write;
		bits.w1c = field->w1c;
		dpath_cfgmap_set(map, pos + field->offset, field->width, &bits);
	}
	for (i = pos; i < pos + size; i++)
		map->shadow[i] &= map->virt[i];
	return 0;
}

static int apply_rules(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader)
{
	const struct dpath_cfgcap *cap;
	int ret;

	ret = apply_rule(map, reader, &dpath_cfg_header_rule, 0, PCI_STD_HEADER_SIZEOF);
	if (ret)
		return ret;
	fill_bits(map, PCI_STD_HEADER_SIZEOF, EXT_START - PCI_STD_HEADER_SIZEOF, 0, 0xff);
	fill_bits(map, EXT_START, map->size - EXT_START, 0xff, 0);
	for (cap = map->caps; cap < map->caps + map->nr; cap++) {
		if (!cap->shown) {
			fill_bits(map, cap->pos, cap->size, 0xff, 0);
			continue;
		}
		ret = apply_rule(map, reader, cap->rule, cap->pos, cap->size);
		if (ret)
			return ret;
	}
	return 0;
}

static void link_std(struct dpath_cfgmap *map)
{
	unsigned int link = PCI_CAPABILITY_LIST, i;
	const struct dpath_cfgcap *cap;

	for (i = 0; i < map->nr; i++) {
		cap = &map->caps[i];
		if (cap->ext || !cap->shown)
			continue;
		map->shadow[link] = cap->pos;
		dpath_cfgmap_set(map, cap->pos, 2, &(struct dpath_cfg_bits){ .shadow = cap->id, .virt = 0xffff });
		link = cap->pos + PCI_CAP_LIST_NEXT;
	}
	if (link != PCI_CAPABILITY_LIST)
		map->shadow[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	else
		map->shadow[PCI_STATUS] &= ~PCI_STATUS_CAP_LIST;
}

static int link_ext(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader)
{
	unsigned int link = EXT_START, i;
	const struct dpath_cfgcap *cap;
	u32 head;
	int ret;

	for (i = 0; i < map->nr; i++) {
		cap = &map->caps[i];
		if (!cap->ext || !cap->shown)
			continue;
		ret = reader->read(reader->ctx, cap->pos, &head);
		if (ret)
			return ret;
		/* If the head of the list is hidden, what is left of it is a null capability that leads on (PCI Express 6.0, 7.6.1). */
		if (cap->pos != EXT_START)
			dpath_cfg_store(map->shadow + link + 2, 2, (dpath_cfg_load(map->shadow + link + 2, 2) & 0xf) | cap->pos << 4);
		dpath_cfgmap_set(map, cap->pos, 4, &(struct dpath_cfg_bits){ .shadow = cap->id | (head & 0xf0000), .virt = ALL32 });
		link = cap->pos;
	}
	return 0;
}

/**
 * dpath_cfgmap_build - lay the tables over a function
 * @map: filled in
 * @reader: the function's config space, as the hardware shows it
 *
 * Registers that depend on more than config space (BAR masks, ids of a virtual function, interrupt pin) are left for the caller to set.
 *
 * Return: 0; -ENODEV: all ones; -EINVAL: not an endpoint's header, or no size config space has; an error of the reader.
 */
int dpath_cfgmap_build(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader)
{
	struct dpath_cfgcap *cap;
	u32 value;
	int ret;

	if (reader->size != EXT_START && reader->size != DPATH_CFG_SIZE)
		return -EINVAL;
	memset(map, 0, sizeof(*map));
	map->size = reader->size;

	ret = reader->read(reader->ctx, PCI_CACHE_LINE_SIZE, &value);
	if (ret)
		return ret;
	if (value == ALL32)
		return -ENODEV;
	if (((value >> 16) & 0x7f) != PCI_HEADER_TYPE_NORMAL)
		return -EINVAL;

	ret = walk_std(map, reader);
	if (!ret && map->size > EXT_START)
		ret = walk_ext(map, reader);
	if (ret)
		return ret;
	for (cap = map->caps; cap < map->caps + map->nr; cap++)
		bound_cap(map, cap);
	hide_overlaps(map);
	hide_repeated(map);

	ret = apply_rules(map, reader);
	if (ret)
		return ret;
	link_std(map);
	return link_ext(map, reader);
}

/**
 * dpath_cfgmap_find - a capability that is shown
 * @map: the tables
 * @id: capability id
 * @ext: extended
 *
 * Return: the first one, or NULL.
 */
const struct dpath_cfgcap *dpath_cfgmap_find(const struct dpath_cfgmap *map, u16 id, bool ext)
{
	const struct dpath_cfgcap *cap;

	for (cap = map->caps; cap < map->caps + map->nr; cap++) {
		if (cap->shown && cap->id == id && cap->ext == ext)
			return cap;
	}
	return NULL;
}

/* The rule that a byte falls under, and where what it describes begins. */
static const struct dpath_cfg_rule *rule_at(const struct dpath_cfgmap *map, unsigned int offset, unsigned int *pos)
{
	const struct dpath_cfgcap *cap;

	*pos = 0;
	if (offset < PCI_STD_HEADER_SIZEOF)
		return &dpath_cfg_header_rule;
	for (cap = map->caps; cap < map->caps + map->nr; cap++) {
		if (offset >= cap->pos && offset < cap->pos + cap->size) {
			*pos = cap->pos;
			return cap->rule;
		}
	}
	return offset < EXT_START ? &specific_rule : &nowhere_rule;
}

/**
 * dpath_cfgmap_where - what does a byte belong to
 * @map: the tables
 * @offset: the byte
 *
 * Return: name of the capability, or of the place between them, for a counter; a static string, never NULL.
 */
const char *dpath_cfgmap_where(const struct dpath_cfgmap *map, unsigned int offset)
{
	unsigned int pos;

	return rule_at(map, offset, &pos)->name;
}

/**
 * dpath_cfgmap_why - why is a byte treated as it is
 * @map: the tables
 * @offset: the byte
 *
 * Return: the written reason of the register or of the capability, for a trace; a static string, never NULL.
 */
const char *dpath_cfgmap_why(const struct dpath_cfgmap *map, unsigned int offset)
{
	const struct dpath_cfg_rule *rule;
	const struct dpath_cfg_field *field;
	unsigned int pos;

	rule = rule_at(map, offset, &pos);
	for (field = rule->fields; field && field->width; field++) {
		if (offset - pos >= field->offset && offset - pos < field->offset + field->width)
			return field->why;
	}
	return rule->why;
}
