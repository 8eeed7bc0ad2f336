// SPDX-License-Identifier: GPL-2.0
/*
 * Host safety, disks: from mounts, swap and arrays down to functions, through device mapper, md, bcache and NVMe multipath. ZFS leaves no trace of
 * its members in sysfs; they are known by what udev found on the disk.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safety.h"
#include "sysfs.h"

/* "\040" and its like, as the kernel writes blanks in mountinfo and swaps. */
static void unescape(char *text)
{
	char *in = text, *out = text;

	while (*in) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' && in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

typedef void (*disk_fn)(const char *address, const char *disk, const char *chain, void *ctx);

struct walk {
	disk_fn fn;
	void *ctx;
	const char *name;	/* where we are */
	const char *chain;	/* from here up */
	unsigned int depth;
	unsigned int below;	/* slaves seen */
};

static void walk_disk(const char *name, const char *above, unsigned int depth, disk_fn fn, void *ctx);

static bool walk_slave(const char *name, void *ctx)
{
	struct walk *walk = ctx;

	walk->below++;
	walk_disk(name, walk->chain, walk->depth + 1, walk->fn, walk->ctx);
	return true;
}

static void report_path(const char *real, struct walk *walk)
{
	struct functions functions;
	unsigned int i;

	sysfs_functions(real, &functions);
	for (i = 0; i < functions.nr; i++)
		walk->fn(functions.v[i], walk->name, walk->chain, walk->ctx);
}

struct subsystem {
	struct walk *walk;
	char path[PATH_SIZE];
};

/* Controllers are links next to the disks: nvme0, nvme1. */
static bool walk_controller(const char *name, void *ctx)
{
	struct subsystem *subsystem = ctx;
	char path[PATH_SIZE], real[PATH_SIZE];
	size_t len = strspn(name + (strlen(name) > 4 ? 4 : 0), "0123456789");

	if (strncmp(name, "nvme", 4) || !len || name[4 + len])
		return true;
	sysfs_path(path, "%s/%s", subsystem->path, name);
	if (sysfs_real(path, real))
		report_path(real, subsystem->walk);
	return true;
}

/* NVMe multipath: the disk hangs at a virtual subsystem, whose controllers are the functions. */
static void report_leaf(const char *real, struct walk *walk)
{
	struct subsystem subsystem = { .walk = walk };
	const char *hit, *end;

	/* .../nvme-subsystem/nvme-subsys0/nvme0n1 */
	hit = strstr(real, "/nvme-subsystem/nvme-subsys");
	if (!hit) {
		report_path(real, walk);
		return;
	}
	hit = strchr(hit + 1, '/');
	end = strchr(hit + 1, '/');
	sysfs_path(subsystem.path, "%.*s", (int)(end ? end - real : (long)strlen(real)), real);
	sysfs_each(subsystem.path, walk_controller, &subsystem);
}

static const char *friendly_name(const char *name, char *buf, size_t size)
{
	char path[PATH_SIZE];

	sysfs_path(path, "/sys/class/block/%s/dm/name", name);
	if (!sysfs_line(path, buf, size) || !buf[0])
		snprintf(buf, size, "%s", name);
	return buf;
}

/* @above is what is on @name, e.g. "md0 -> /", or empty. */
static void walk_disk(const char *name, const char *above, unsigned int depth, disk_fn fn, void *ctx)
{
	char path[PATH_SIZE], real[PATH_SIZE], chain[SAFETY_CHAIN], shown[64], *slash;
	struct walk walk = { .fn = fn, .ctx = ctx, .name = name, .chain = chain, .depth = depth };

	sysfs_path(path, "/sys/class/block/%s", name);
	if (depth > SAFETY_DEPTH || !sysfs_real(path, real))
		return;
	friendly_name(name, shown, sizeof(shown));
	snprintf(chain, sizeof(chain), "%s%s%s", shown, *above ? " -> " : "", above);

	sysfs_path(path, "%s/slaves", real);
	sysfs_each(path, walk_slave, &walk);
	if (walk.below)
		return;
	sysfs_path(path, "%s/partition", real);
	if (!sysfs_exists(path)) {
		report_leaf(real, &walk);
		return;
	}
	/* A partition of an array has no slaves itself. */
	slash = strrchr(real, '/');
	*slash = '\0';
	sysfs_path(path, "%s/slaves", real);
	sysfs_each(path, walk_slave, &walk);
	if (!walk.below)
		report_leaf(real, &walk);
}

struct disk_user {
	void (*fn)(const char *address, const char *disk, void *ctx);
	void *ctx;
};

static void pass_function(const char *address, const char *disk, const char *chain, void *ctx)
{
	struct disk_user *user = ctx;

	(void)chain;
	user->fn(address, disk, user->ctx);
}

void safety_disk_functions(const char *name, void (*fn)(const char *address, const char *disk, void *ctx), void *ctx)
{
	struct disk_user user = { .fn = fn, .ctx = ctx };

	walk_disk(name, "", 0, pass_function, &user);
}

struct disk_use {
	struct safety *safety;
	unsigned int code;
	const char *note;	/* after the chain */
	const char *fix;
	bool direct;		/* only what stands on the disk itself, not what stands on that */
};

static void note_disk(const char *address, const char *disk, const char *chain, void *ctx)
{
	struct disk_use *use = ctx;
	const char *step = strstr(chain, " -> ");
	char culprit[256];

	if (use->direct && step && strstr(step + 1, " -> "))
		return;
	snprintf(culprit, sizeof(culprit), "%s%s", chain, use->note);
	safety_add(use->safety, address, use->code, disk, culprit, use->fix);
}

/* Block device of a node, e.g. /dev/mapper/vg-root, as it is called in /sys/class/block. */
static bool disk_of_node(const char *node, char *name, size_t size)
{
	char path[PATH_SIZE], real[PATH_SIZE];

	text_copy(name, size, sysfs_real(node, real) ? last_part(real) : last_part(node));
	sysfs_path(path, "/sys/class/block/%s", name);
	return sysfs_exists(path);
}

static bool disk_of_number(const char *number, char *name, size_t size)
{
	char path[PATH_SIZE], real[PATH_SIZE];

	sysfs_path(path, "/sys/dev/block/%s", number);
	if (!sysfs_real(path, real))
		return false;
	text_copy(name, size, last_part(real));
	return true;
}

struct mount {
	char number[32];
	char point[PATH_SIZE];
	char type[64];
	char source[PATH_SIZE];
};

struct mounts {
	unsigned int nr;
	struct mount *v;
};

/* mountinfo: id parent major:minor root point options [tags] - type source options */
static bool parse_mount(const char *line, struct mount *mount)
{
	const char *dash = strstr(line, " - ");

	memset(mount, 0, sizeof(*mount));
	if (!dash || sscanf(line, "%*s %*s %31s %*s %4095s", mount->number, mount->point) != 2 ||
	    sscanf(dash + 3, "%63s %4095s", mount->type, mount->source) != 2)
		return false;
	unescape(mount->point);
	unescape(mount->source);
	return true;
}

static void read_mounts(struct mounts *mounts, const char *path)
{
	char *text = sysfs_file(path, NULL), *line, *rest = text;
	struct mount mount;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (!parse_mount(line, &mount))
			continue;
		mounts->v = xrealloc(mounts->v, mounts->nr + 1, sizeof(*mounts->v));
		mounts->v[mounts->nr++] = mount;
	}
	free(text);
}

static bool is_system(const char *point)
{
	static const char *const points[] = { "/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/home", "/opt", "/srv", "/root" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(points[i], point))
			return true;
	return !strncmp(point, "/usr/", 5) || !strncmp(point, "/var/", 5);
}

static void note_mounted_disk(struct safety *safety, const char *disk, const char *above, const char *point)
{
	char fix[PATH_SIZE + 32], upper[SAFETY_CHAIN];
	struct disk_use use = { .safety = safety, .code = DIRECTPATH_REASON_ROOT_DISK, .note = "", .fix = fix };

	snprintf(upper, sizeof(upper), "%s%s%.100s", above, *above ? " -> " : "", point);
	if (is_system(point))
		snprintf(fix, sizeof(fix), "the host runs from it; nothing overrides this");
	else
		snprintf(fix, sizeof(fix), "umount %.200s; nothing overrides this", point);
	walk_disk(disk, upper, 0, note_disk, &use);
}

struct btrfs {
	struct safety *safety;
	const char *disk;
	const char *point;
	char devices[PATH_SIZE];
	bool found;
};

static bool note_btrfs_device(const char *name, void *ctx)
{
	struct btrfs *btrfs = ctx;

	note_mounted_disk(btrfs->safety, name, "", btrfs->point);
	return true;
}

static bool try_btrfs(const char *name, void *ctx)
{
	struct btrfs *btrfs = ctx;
	char path[PATH_SIZE];

	sysfs_path(path, "/sys/fs/btrfs/%s/devices/%s", name, btrfs->disk);
	if (!sysfs_exists(path))
		return true;
	sysfs_path(btrfs->devices, "/sys/fs/btrfs/%s/devices", name);
	btrfs->found = true;
	return false;
}

/* File systems over several devices have an anonymous device number; the source names one device (btrfs) or all, with colons (bcachefs). */
static void note_anonymous(struct safety *safety, struct mount *mount)
{
	char *node, *rest = mount->source, disk[64];

	while ((node = strsep(&rest, ":"))) {
		struct btrfs btrfs = { .safety = safety, .disk = disk, .point = mount->point };

		if (*node != '/' || !disk_of_node(node, disk, sizeof(disk)))
			continue;
		sysfs_each("/sys/fs/btrfs", try_btrfs, &btrfs);
		if (btrfs.found)
			sysfs_each(btrfs.devices, note_btrfs_device, &btrfs);
		else
			note_mounted_disk(safety, disk, "", mount->point);
	}
}

static void scan_mounts(struct safety *safety, struct mounts *mounts)
{
	char disk[64];
	unsigned int i;

	for (i = 0; i < mounts->nr; i++) {
		struct mount mount = mounts->v[i];

		if (!strncmp(mount.number, "0:", 2))
			note_anonymous(safety, &mount);
		else if (disk_of_number(mount.number, disk, sizeof(disk)))
			note_mounted_disk(safety, disk, "", mount.point);
	}
}

/* The mount that @path is on: the longest that is a prefix of it; the last of equals covers the others. */
static const struct mount *mount_of(const struct mounts *mounts, const char *path)
{
	const struct mount *best = NULL;
	size_t len, longest = 0;
	unsigned int i;

	for (i = 0; i < mounts->nr; i++) {
		const char *point = mounts->v[i].point;

		len = strcmp(point, "/") ? strlen(point) : 0;
		if (strncmp(path, point, len) || path[len] != '/')
			continue;
		if (!best || len >= longest) {
			best = &mounts->v[i];
			longest = len;
		}
	}
	return best;
}

static void note_swap(struct safety *safety, const struct mounts *mounts, char *path, const char *type)
{
	char disk[64], above[SAFETY_CHAIN], fix[PATH_SIZE + 32];
	struct disk_use use = { .safety = safety, .code = DIRECTPATH_REASON_SWAP, .note = "", .fix = fix };
	const struct mount *mount;

	snprintf(fix, sizeof(fix), "swapoff %.200s; nothing overrides this", path);
	if (strcmp(type, "file")) {
		if (disk_of_node(path, disk, sizeof(disk)))
			walk_disk(disk, "swap", 0, note_disk, &use);
		return;
	}
	mount = mount_of(mounts, path);
	snprintf(above, sizeof(above), "%.100s -> swap", path);
	if (mount && (disk_of_number(mount->number, disk, sizeof(disk)) || disk_of_node(mount->source, disk, sizeof(disk))))
		walk_disk(disk, above, 0, note_disk, &use);
}

static void scan_swaps(struct safety *safety, const struct mounts *mounts)
{
	char *text = sysfs_file("/proc/swaps", NULL), *line, *rest = text, path[PATH_SIZE], type[32];

	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line != '/' || sscanf(line, "%4095s %31s", path, type) != 2)
			continue;
		unescape(path);
		note_swap(safety, mounts, path, type);
	}
	free(text);
}

static bool count_entry(const char *name, void *ctx)
{
	(void)name;
	++*(unsigned int *)ctx;
	return true;
}

static unsigned int count_entries(const char *path)
{
	unsigned int n = 0;

	sysfs_each(path, count_entry, &n);
	return n;
}

/* What kind of thing a stacked device is, for people. */
static void describe_stack(const char *name, char *buf, size_t size)
{
	static const struct {
		const char *prefix;
		const char *text;
	} kinds[] = {
		{ "LVM-", " (LVM)" }, { "CRYPT-", " (encrypted)" }, { "mpath-", " (multipath)" }, { "DMRAID-", " (RAID)" },
	};
	char path[PATH_SIZE], line[256];
	size_t i;

	sysfs_path(path, "/sys/class/block/%s/md/level", name);
	if (sysfs_line(path, line, sizeof(line))) {
		snprintf(buf, size, " (%.16s)", line);
		return;
	}
	buf[0] = '\0';
	sysfs_path(path, "/sys/class/block/%s/dm/uuid", name);
	sysfs_line(path, line, sizeof(line));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(line, kinds[i].prefix, strlen(kinds[i].prefix)))
			snprintf(buf, size, "%s", kinds[i].text);
}

static bool note_stack(const char *name, void *ctx)
{
	char path[PATH_SIZE], note[32];
	struct disk_use use = { .safety = ctx, .code = DIRECTPATH_REASON_RAID_MEMBER, .note = note, .direct = true,
		.fix = "take it out of the array or volume group, or stop that, first" };

	sysfs_path(path, "/sys/block/%s/slaves", name);
	if (!count_entries(path))
		return true;
	describe_stack(name, note, sizeof(note));
	walk_disk(name, "", 0, note_disk, &use);
	return true;
}

/* One property of the udev database, e.g. ID_FS_TYPE. */
static bool udev_property(const char *number, const char *property, char *buf, size_t size)
{
	char path[PATH_SIZE], *text, *line, *rest;
	size_t len = strlen(property);
	bool found = false;

	sysfs_path(path, "/run/udev/data/b%s", number);
	text = sysfs_file(path, NULL);
	rest = text;
	while (rest && !found && (line = strsep(&rest, "\n"))) {
		if (strncmp(line, "E:", 2) || strncmp(line + 2, property, len) || line[2 + len] != '=')
			continue;
		snprintf(buf, size, "%s", line + 3 + len);
		found = true;
	}
	free(text);
	return found;
}

struct labels {
	struct safety *safety;
	const struct mounts *mounts;
	bool zfs;
};

/* Where a pool is mounted: the file system that matters most, which is the shortest path. */
static const char *mount_of_pool(const struct mounts *mounts, const char *pool)
{
	const char *best = NULL;
	size_t len = strlen(pool);
	unsigned int i;

	for (i = 0; i < mounts->nr; i++) {
		const struct mount *mount = &mounts->v[i];

		if (strcmp(mount->type, "zfs") || strncmp(mount->source, pool, len) || (mount->source[len] && mount->source[len] != '/'))
			continue;
		if (!best || strlen(mount->point) < strlen(best))
			best = mount->point;
	}
	return best;
}

static void note_zfs(struct labels *labels, const char *disk, const char *number)
{
	struct disk_use use = { .safety = labels->safety, .code = DIRECTPATH_REASON_RAID_MEMBER, .note = "",
		.fix = "zpool export or zpool detach first" };
	char pool[128] = "pool", above[SAFETY_CHAIN];
	const char *point;

	udev_property(number, "ID_FS_LABEL", pool, sizeof(pool));
	snprintf(above, sizeof(above), "%s (ZFS)", pool);
	walk_disk(disk, above, 0, note_disk, &use);
	point = mount_of_pool(labels->mounts, pool);
	if (point)
		note_mounted_disk(labels->safety, disk, above, point);
}

/* Members that no array holds now, and ZFS, which leaves no trace in sysfs. */
static bool note_label(const char *name, void *ctx)
{
	struct labels *labels = ctx;
	struct disk_use use = { .safety = labels->safety, .code = DIRECTPATH_REASON_RAID_MEMBER,
		.fix = "take it out of the array or volume group first" };
	char path[PATH_SIZE], number[32], type[64];

	sysfs_path(path, "/sys/class/block/%s/dev", name);
	if (!sysfs_line(path, number, sizeof(number)) || !udev_property(number, "ID_FS_TYPE", type, sizeof(type)))
		return true;
	if (!strcmp(type, "zfs_member") && labels->zfs) {
		note_zfs(labels, name, number);
		return true;
	}
	sysfs_path(path, "/sys/class/block/%s/holders", name);
	if (count_entries(path))
		return true;
	if (!strcmp(type, "linux_raid_member"))
		use.note = " is a RAID member (inactive)";
	else if (!strcmp(type, "LVM2_member"))
		use.note = " is an LVM member (inactive)";
	else
		return true;
	walk_disk(name, "", 0, note_disk, &use);
	return true;
}

void safety_scan_disks(struct safety *safety)
{
	struct mounts mounts = {};
	struct labels labels = { .safety = safety, .mounts = &mounts, .zfs = sysfs_exists("/sys/module/zfs") };

	/* We may be in a mount namespace of our own; those of others are their users' to mind. */
	read_mounts(&mounts, "/proc/1/mountinfo");
	read_mounts(&mounts, "/proc/self/mountinfo");
	scan_mounts(safety, &mounts);
	scan_swaps(safety, &mounts);
	sysfs_each("/sys/block", note_stack, safety);
	sysfs_each("/sys/class/block", note_label, &labels);
	free(mounts.v);
}
