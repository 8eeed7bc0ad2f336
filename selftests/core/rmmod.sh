#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module can be unloaded when nobody uses it, and not before; afterwards
# nothing of it is left. Also with the kernel's own vfio beside it, and with the
# VFIO personality.
# Functions are called through check(); no parameters are passed on.
# shellcheck disable=SC2119,SC2317
set -u
# shellcheck source=../bed/lib.sh
. "$(dirname "$0")/../bed/lib.sh"

VM=t-rmmod
DP() { directpath "$@" >/dev/null; }

complaints()
{
	log_since | grep -E 'WARNING|BUG|Oops|leak|slab|Objects remaining|refcount' && return 1
	return 0
}

# nothing of it is left
gone()
{
	! loaded directpath && [ ! -e /dev/directpath ] &&
		[ ! -e /sys/class/directpath ] &&
		[ ! -e /sys/bus/pci/drivers/directpath ] &&
		! grep -qE '\b(directpath|dpath_)' /proc/devices /proc/slabinfo /proc/filesystems
}

# in_use MODULE: rmmod says EBUSY, and the module stays
in_use()
{
	local text

	text=$(rmmod "$1" 2>&1) && return 1
	note "$text"
	grep -qiE 'in use|busy|resource temporarily' <<<"$text" && loaded "$1"
}

claim_edu()
{
	DP dev set "$DP_EDU0" reset none && DP dev claim "$DP_EDU0" &&
		DP vm add "$VM" && DP vm attach "$VM" "$DP_EDU0"
}

plain()
{
	local i

	for i in 1 2 3 4 5; do
		load_dp || bail "load $i"
		rmmod directpath || bail "unload $i"
	done
	check "loaded and unloaded five times" gone
}

vm_open()
{
	load_dp || bail "load"
	claim_edu || bail "claim"
	exec 3<>"/dev/directpath/$VM"
	check "in use while a VM is open" in_use directpath
	exec 3>&-
	same "the device is as it was" directpath "$(driver_of "$DP_EDU0")"
	check "unloaded with a reserved device" rmmod directpath
	check "nothing is left" gone
	same "the device has no driver, as before" "" "$(driver_of "$DP_EDU0")"
}

devices_go_back()
{
	load_dp || bail "load"
	DP dev claim "$DP_NVME" || bail "claim of the disk"
	DP dev claim "$DP_CARD2_0" set || bail "claim of the card"
	same "the disk is claimed" directpath "$(driver_of "$DP_NVME")"
	check "unloaded with claimed devices" rmmod directpath
	same "the disk has its driver" nvme "$(driver_of "$DP_NVME")"
	same "the card has its driver" nvme "$(driver_of "$DP_CARD2_0")"
	same "all of it" nvme "$(driver_of "$DP_CARD2_1")"
	check "the disk is there again" wait_for 20 block_device "$DP_NVME"
	same "no override is left" "(null)" "$(cat "$DP_PCI/devices/$DP_NVME/driver_override")"
}

# An event listener keeps nothing
listener()
{
	load_dp || bail "load"
	directpath monitor >/dev/null 2>&1 &
	sleep 0.5
	check "unloaded with a listener" rmmod directpath
	kill $! 2>/dev/null
	wait $! 2>/dev/null
}

beside_vfio()
{
	local module

	use_modules dp
	modprobe vfio-pci || bail "the kernel's vfio-pci"
	bind_to "$DP_E1000E" vfio-pci || bail "the kernel's vfio-pci takes no device"
	load_dp || bail "load beside it"
	claim_edu || bail "claim beside it"
	exec 3<>"/dev/directpath/$VM"
	check "in use, beside the kernel's vfio" in_use directpath
	exec 3>&-
	check "unloaded beside the kernel's vfio" rmmod directpath
	check "nothing is left" gone
	same "the kernel's vfio-pci has its device" vfio-pci "$(driver_of "$DP_E1000E")"
	bind_to "$DP_E1000E" e1000e
	modprobe -r vfio-pci
	# What it depends on stays if one of them (irqbypass, by KVM) is in use.
	for module in vfio_pci vfio_pci_core vfio_iommu_type1 vfio vfio_virqfd; do
		! loaded "$module" || rmmod "$module"
	done
	check "the kernel's vfio goes, too" refuses_loaded vfio
}

refuses_loaded() { ! loaded "$1"; }

personality()
{
	local group

	load_vfio || bail "load of the personality"
	claim_edu || bail "claim"
	same "the device has its driver name" vfio-pci "$(driver_of "$DP_EDU0")"
	group=$(basename "$(readlink "$DP_PCI/devices/$DP_EDU0/iommu_group")")
	exec 3<>"/dev/vfio/$group"
	check "vfio is in use while a group is open" in_use vfio
	check "directpath is in use" in_use directpath
	exec 3>&-
	exec 3<>/dev/vfio/vfio
	check "vfio is in use while a container is open" in_use vfio
	exec 3>&-
	check "vfio-pci unloaded" rmmod vfio-pci
	same "the device is handed back" directpath "$(driver_of "$DP_EDU0")"
	check "vfio unloaded" rmmod vfio
	refuses "no node is left" [ -e "/dev/vfio/$group" ]
	check "directpath unloaded" rmmod directpath
	check "nothing is left" gone
}

if loaded directpath; then unload_dp; fi
log_mark
plain
vm_open
devices_go_back
listener
beside_vfio
personality
check "the kernel has nothing to complain about" complaints
use_modules none
finish
