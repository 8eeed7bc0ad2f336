#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make install', `install-vfio' and their undoing, on this machine, by the Makefile's own
# recipes: everything works from where it was put; afterwards every device is the
# host's again, and every file is as it was. What make would build is built already.
# Functions are called through check(); no parameters are passed on.
# shellcheck disable=SC2119,SC2317
set -u
# shellcheck source=../bed/lib.sh
. "$(dirname "$0")/../bed/lib.sh"

VM=t-install
KVER=$(uname -r)
tmp=$(mktemp -d)

# The one of the path is not the one that was installed.
PATH=${PATH//\/dp\/tools\/directpath/\/nowhere}

# depmod takes a minute here: the indexes were made on the build host.
recipe()
{
	make -C /dp -o modules -o tools KVER="$KVER" DEPMOD=true "$@" >"$tmp/make.log" 2>&1 || {
		sed 's/^/# /' "$tmp/make.log"
		return 1
	}
}

install_all()
{
	recipe install &&
		recipe install-vfio && cp -rf "$DP_BUILD/index/vfio/." "/lib/modules/$KVER/"
}

files()
{
	find /usr/local "/lib/modules/$KVER/updates" /usr/src/directpath* /dev/directpath /dev/vfio \
		\( -type f -o -type l -o -type c \) 2>/dev/null | sort
}

before()
{
	files >"$tmp/before"
	install_all || bail "install"
	check "the tool" [ -x /usr/local/sbin/directpath ]
	check "its manual" [ -s /usr/local/share/man/man8/directpath.8 ]
	check "its completion" bash -c ". /usr/local/share/bash-completion/completions/directpath"
	check "the ioctl header" [ -s /usr/local/include/linux/directpath.h ]
	check "the netlink header" [ -s /usr/local/include/linux/directpath_nl.h ]
	same "the kernel's own vfio is where it was" 1 \
		"$(find "/lib/modules/$KVER/kernel/drivers/vfio" -name 'vfio.ko*' | wc -l)"
}

used()
{
	modprobe vfio-pci || bail "modprobe vfio-pci"
	same "it is ours" "/lib/modules/$KVER/updates/directpath/vfio-pci.ko" "$(modinfo -n vfio-pci)"
	directpath dev claim "$DP_NVME" >/dev/null || bail "claim"
	directpath vm add "$VM" >/dev/null && directpath vm attach "$VM" "$DP_NVME" >/dev/null || bail "attach"
	directpath dev set "$DP_EDU0" reset none >/dev/null && directpath dev claim "$DP_EDU0" >/dev/null || bail "claim of the edu"
	same "claimed" vfio-pci "$(driver_of "$DP_NVME")"
}

# Not under a VM that runs
in_use()
{
	exec 3<>"/dev/directpath/$VM"
	refuses "not uninstalled while a VM is open" recipe uninstall
	check "its modules are still there" [ -e "/lib/modules/$KVER/updates/directpath/directpath.ko" ]
	check "and the tool" [ -x /usr/local/sbin/directpath ]
	same "and the device" vfio-pci "$(driver_of "$DP_NVME")"
	exec 3>&-
}

undone()
{
	check "the personality is uninstalled" recipe uninstall-vfio
	refuses "vfio is unloaded" loaded vfio
	check "directpath is not" loaded directpath
	directpath dev claim "$DP_NVME" >/dev/null || bail "claim without the personality"
	check "uninstalled" recipe uninstall
	refuses "unloaded" loaded directpath
	check "the disk is the host's" wait_for 20 block_device "$DP_NVME"
	same "the edu has no driver, as before" "" "$(driver_of "$DP_EDU0")"
	use_modules none
	files >"$tmp/after"
	check "every file is as it was" diff "$tmp/before" "$tmp/after"
	check "once more does no harm" recipe uninstall
}

dkms()
{
	check "sources for DKMS" recipe install-dkms
	same "with their version" "$(sed -n 's/^VERSION := //p' /dp/Makefile)" \
		"$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' /usr/src/directpath-*/dkms.conf)"
	check "with all of them" diff -r -x '*.o' /dp/kmod /usr/src/directpath-*/kmod
	check "removed" recipe uninstall-dkms
	check "every file is as it was" diff "$tmp/before" <(files)
}

use_modules none
before
used
in_use
undone
dkms
rm -rf "$tmp"
finish
