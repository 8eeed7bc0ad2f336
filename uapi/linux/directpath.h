/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_DIRECTPATH_H
#define _UAPI_LINUX_DIRECTPATH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: The native ioctl interface of directpath
 *
 * Each VM has a character device, /dev/directpath/<name>, owned by the VM's
 * uid and gid. Opening it makes the VM running; it is open once. The fd is an
 * IOVA space: memory of the opening process is mapped into it, and functions
 * attached to the VM are opened through it. A function's fd speaks the VFIO
 * device interface of <linux/vfio.h>. The VM stops running when the last of its
 * fds is closed, however that comes about.
 *
 * Every ioctl takes a pointer to a struct whose first member is its size in
 * bytes, which the caller sets. Structs grow at the end. A caller newer than
 * the kernel passes a longer struct, which is accepted as long as the part that
 * the kernel does not know is zero; for an older caller the kernel takes the
 * missing part as zero. Only the caller's size is written back.
 *
 * Errors common to all of them, in the order they are checked:
 *
 *  - ENOTTY: no such ioctl
 *  - EFAULT: the struct cannot be read, or not be written if it has output
 *    members
 *  - EINVAL: size is smaller than the first version of the struct
 *  - E2BIG: the struct is longer than the kernel's, and the rest is not zero
 *  - EOPNOTSUPP: a flag is set, or a reserved member is not zero, that this
 *    kernel gives no meaning to
 *  - EINVAL: a value that makes no sense by itself
 *  - EOVERFLOW: a range wraps around the end of the address space
 *  - ENOENT: a thing named does not exist
 *
 * After an error nothing has changed, and no output member is valid. Further
 * errors are named where they belong.
 *
 * The ioctl type is 0xda, which Documentation/userspace-api/ioctl/ioctl-number.rst
 * of Linux 6.12 gives to nobody.
 */
#define DIRECTPATH_TYPE 0xda

enum {
	DIRECTPATH_CMD_BASE = 0x00,
	DIRECTPATH_CMD_VM_INFO = DIRECTPATH_CMD_BASE,
	DIRECTPATH_CMD_SPACE_INFO,
	DIRECTPATH_CMD_IOVA_RANGES,
	DIRECTPATH_CMD_MAP,
	DIRECTPATH_CMD_UNMAP,
	DIRECTPATH_CMD_DEVICE_OPEN,

	DIRECTPATH_CMD_DEVICE_BASE = 0x40,
	DIRECTPATH_CMD_DEVICE_SET_BAR = DIRECTPATH_CMD_DEVICE_BASE,
};

/**
 * struct directpath_vm_info - ioctl(DIRECTPATH_VM_INFO)
 * @size: sizeof(struct directpath_vm_info)
 * @flags: must be 0
 * @out_name: name of the VM, terminated by a zero byte
 * @out_uuid: its UUID, bytes in the order of RFC 4122
 * @out_devices: functions attached to it
 * @out_max_devices: most it may have, 0 for no limit
 * @out_vectors: interrupt vectors in use
 * @out_max_vectors: most it may use, 0 for no limit
 * @out_pinned: bytes of memory pinned for it, in all its spaces
 * @out_max_pinned: most it may pin, 0 for no limit
 *
 * What the VM is and may use.
 */
struct directpath_vm_info {
	__u32 size;
	__u32 flags;
	char out_name[32];
	__u8 out_uuid[16];
	__u32 out_devices;
	__u32 out_max_devices;
	__u32 out_vectors;
	__u32 out_max_vectors;
	__aligned_u64 out_pinned;
	__aligned_u64 out_max_pinned;
};

#define DIRECTPATH_VM_INFO _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_VM_INFO)

/**
 * enum directpath_space_flags - Properties of a space
 * @DIRECTPATH_SPACE_COHERENT: DMA is coherent with the caches whatever a device
 *   asks for; a hypervisor need not emulate WBINVD
 */
enum directpath_space_flags {
	DIRECTPATH_SPACE_COHERENT = 1 << 0,
};

/**
 * struct directpath_space_info - ioctl(DIRECTPATH_SPACE_INFO)
 * @size: sizeof(struct directpath_space_info)
 * @flags: must be 0
 * @out_flags: enum directpath_space_flags
 * @__reserved: must be 0
 * @out_pgsizes: bitmap of the page sizes that all IOMMUs in use by the space
 *   offer; the lowest is the granule of maps, higher ones make them cheaper
 * @out_areas: number of maps
 * @out_mapped: bytes in them
 *
 * State of the space. Page sizes and coherency are those of the functions that
 * are open, so they may change with each DIRECTPATH_DEVICE_OPEN and close.
 */
struct directpath_space_info {
	__u32 size;
	__u32 flags;
	__u32 out_flags;
	__u32 __reserved;
	__aligned_u64 out_pgsizes;
	__aligned_u64 out_areas;
	__aligned_u64 out_mapped;
};

#define DIRECTPATH_SPACE_INFO _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_SPACE_INFO)

/**
 * struct directpath_iova_range - a range of IOVA
 * @first: first byte
 * @last: last byte, inclusive
 */
struct directpath_iova_range {
	__aligned_u64 first;
	__aligned_u64 last;
};

/**
 * struct directpath_iova_ranges - ioctl(DIRECTPATH_IOVA_RANGES)
 * @size: sizeof(struct directpath_iova_ranges)
 * @flags: must be 0
 * @num_ranges: in: entries in the array; out: ranges that there are
 * @__reserved: must be 0
 * @ranges: pointer to an array of struct directpath_iova_range; ignored if
 *   @num_ranges is 0
 *
 * Where memory may be mapped, in ascending order. Each function that is opened
 * can only take addresses away (its reserved regions, the aperture of its
 * IOMMU), so ask again after DIRECTPATH_DEVICE_OPEN.
 *
 * EMSGSIZE: the array is too short; as many as fit were written, and
 * @num_ranges is what is needed.
 */
struct directpath_iova_ranges {
	__u32 size;
	__u32 flags;
	__u32 num_ranges;
	__u32 __reserved;
	__aligned_u64 ranges;
};

#define DIRECTPATH_IOVA_RANGES _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_IOVA_RANGES)

/**
 * enum directpath_map_flags - What a device may do with a map
 * @DIRECTPATH_MAP_READ: read
 * @DIRECTPATH_MAP_WRITE: write
 * @DIRECTPATH_MAP_MMIO: not memory but a part of a BAR, named by a device fd
 */
enum directpath_map_flags {
	DIRECTPATH_MAP_READ = 1 << 0,
	DIRECTPATH_MAP_WRITE = 1 << 1,
	DIRECTPATH_MAP_MMIO = 1 << 2,
};

/**
 * struct directpath_map - ioctl(DIRECTPATH_MAP)
 * @size: sizeof(struct directpath_map)
 * @flags: enum directpath_map_flags, read or write or both
 * @vaddr: address of the memory in the calling process; with
 *   DIRECTPATH_MAP_MMIO the offset in @fd, as for mmap()
 * @iova: address that devices see it at
 * @length: bytes
 * @fd: with DIRECTPATH_MAP_MMIO a device fd of the same VM, else 0
 * @__reserved: must be 0
 *
 * Pin memory and map it for DMA, all or nothing. @vaddr and @length are
 * multiples of the page size of the CPU, @iova also of the granule of the
 * space. Maps of disjoint ranges by several threads run in parallel. The number
 * of maps is not limited; the memory is charged to RLIMIT_MEMLOCK of the
 * process and to the VM's quota.
 *
 * What the process has mapped of a BAR, through a device fd of the same VM, is
 * mapped as that BAR, and so is what @fd and @vaddr name: peer-to-peer DMA for
 * the other functions of the space. Nothing is pinned, charged or walked page
 * by page. Such a map holds its addresses until it is
 * unmapped, but leads nowhere while the BAR is not there: memory decode is off,
 * the function is being reset, asleep, or no longer the VM's.
 *
 * EPERM: the caller is not the process that opened the VM, the range is
 * reserved, or the BAR is another VM's. EBADF: @fd is no device fd. ENODEV: its
 * function was taken away. ERANGE: beyond what the IOMMU can address. EEXIST: something is
 * mapped there. ENOMEM: over RLIMIT_MEMLOCK, or out of memory. EDQUOT: over the
 * VM's quota. EFAULT: no memory there, not writable, or of a kind that cannot
 * be pinned, as MMIO. EINTR: a fatal signal. EIO: the IOMMU driver failed to
 * unmap earlier, and the space is given up.
 */
struct directpath_map {
	__u32 size;
	__u32 flags;
	__aligned_u64 vaddr;
	__aligned_u64 iova;
	__aligned_u64 length;
	__s32 fd;
	__u32 __reserved;
};

#define DIRECTPATH_MAP _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_MAP)

/**
 * enum directpath_unmap_flags - How to unmap
 * @DIRECTPATH_UNMAP_ALL: everything; iova and length must be 0
 */
enum directpath_unmap_flags {
	DIRECTPATH_UNMAP_ALL = 1 << 0,
};

/**
 * struct directpath_unmap - ioctl(DIRECTPATH_UNMAP)
 * @size: sizeof(struct directpath_unmap)
 * @flags: enum directpath_unmap_flags
 * @iova: first byte
 * @length: bytes
 * @out_unmapped: bytes that were mapped
 *
 * Undo every map that lies in the range; there may be none, and there may be
 * holes. Anybody who holds the fd may do so.
 *
 * EINVAL: the range begins or ends inside a map. EBUSY: another thread is
 * mapping or unmapping in the range.
 */
struct directpath_unmap {
	__u32 size;
	__u32 flags;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 out_unmapped;
};

#define DIRECTPATH_UNMAP _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_UNMAP)

/**
 * struct directpath_device_open - ioctl(DIRECTPATH_DEVICE_OPEN)
 * @size: sizeof(struct directpath_device_open)
 * @flags: must be 0
 * @address: PCI address, "0000:3b:00.0", padded with zero bytes
 * @out_fd: a new fd, closed on exec
 * @__reserved: must be 0
 *
 * Open a function that is attached to the VM. The first one of an isolation set
 * starts the set in this space: all maps of the space become visible to all its
 * functions. Waits for a reset that is still going on.
 *
 * ENOENT: no such function is claimed. EPERM: it is not attached to this VM, or
 * its set is not complete. EBUSY: its set runs in another space, or memory is
 * mapped where it cannot be (see DIRECTPATH_IOVA_RANGES). EIO: it is
 * quarantined or failed. ENODEV: it is leaving. EINTR: a fatal signal.
 */
struct directpath_device_open {
	__u32 size;
	__u32 flags;
	char address[16];
	__s32 out_fd;
	__u32 __reserved;
};

#define DIRECTPATH_DEVICE_OPEN _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_DEVICE_OPEN)

/**
 * enum directpath_bar_flags - How a BAR is mapped
 * @DIRECTPATH_BAR_WC: write-combining: stores may be merged, delayed and
 *   reordered until the next fence or uncached access
 */
enum directpath_bar_flags {
	DIRECTPATH_BAR_WC = 1 << 0,
};

/**
 * struct directpath_set_bar - ioctl(DIRECTPATH_DEVICE_SET_BAR)
 * @size: sizeof(struct directpath_set_bar)
 * @flags: enum directpath_bar_flags; 0 for uncached, as it is at first
 * @index: BAR, a VFIO_PCI_BAR*_REGION_INDEX
 * @__reserved: must be 0
 *
 * On a device fd, whichever door it came from: the memory type that mmap() of
 * the BAR gives from now on, until the VM gives the function back. The type
 * belongs to the BAR, so all its maps have the same one, and it can be changed
 * only while there is none.
 *
 * EINVAL: not a prefetchable memory BAR whose pages can be mapped. EBUSY: it is
 * mapped. ENODEV: the function was taken away.
 */
struct directpath_set_bar {
	__u32 size;
	__u32 flags;
	__u32 index;
	__u32 __reserved;
};

#define DIRECTPATH_DEVICE_SET_BAR _IO(DIRECTPATH_TYPE, DIRECTPATH_CMD_DEVICE_SET_BAR)

#endif
