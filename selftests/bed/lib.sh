# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For tests written in bash:
#   . /dp/selftests/bed/lib.sh
# Results are TAP on stdout; end with `finish`.

DP_BUILD=/dp/build/$(uname -r)
DP_PCI=/sys/bus/pci
tap_count=0
tap_failed=0

# --- results ---

ok()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $*"
}

not_ok()
{
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count $*"
}

# skip DESCRIPTION REASON...
skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1 # SKIP $2"
}

# check DESCRIPTION COMMAND...: the command succeeds
check()
{
	local what=$1

	shift
	if "$@"; then ok "$what"; else not_ok "$what"; fi
}

# refuses DESCRIPTION COMMAND...: the command fails
refuses()
{
	local what=$1

	shift
	if "$@"; then not_ok "$what"; else ok "$what"; fi
}

# same DESCRIPTION WANTED GOT
same()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		printf '# wanted: %s\n#    got: %s\n' "$2" "$3"
	fi
}

note() { echo "# $*"; }

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 4
}

# What the rest of a test needs did not happen
bail()
{
	not_ok "$*"
	finish
}

finish()
{
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit $?
}

# --- waiting ---

# wait_for SECONDS COMMAND...: until it succeeds; seconds of a quiet machine
# (DP_SLOW: how much slower this one is)
wait_for()
{
	local end

	end=$(($(date +%s) + $1 * ${DP_SLOW:-1}))
	shift
	while ! "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# --- modules ---

loaded() { [ -d "/sys/module/$1" ]; }

# use_modules dp|vfio|none: what modprobe finds. dp: directpath.ko beside the
# kernel's own modules; vfio: vfio.ko and vfio-pci.ko in place of those, too.
# The indexes are made on the build host; depmod takes a minute here.
use_modules()
{
	local dir

	dir=/lib/modules/$(uname -r)
	rm -rf "$dir/updates/directpath"
	cp -rf "$DP_BUILD/index/$1/." "$dir/"
}

# load_dp [PARAMETER=VALUE]...
load_dp()
{
	use_modules dp && modprobe directpath "$@"
}

# load_vfio: the personality, with the module it belongs to
load_vfio()
{
	use_modules vfio && modprobe directpath && modprobe vfio-pci
}

unload_vfio() { modprobe -r vfio-pci vfio; }

unload_dp()
{
	if loaded vfio_pci; then unload_vfio; fi
	modprobe -r directpath
}

# guest_release: which kernel second-level guests run. That of the machine if it is Debian's; under the CI kernel the newest of Debian's, since a guest
# is not what is watched.
guest_release()
{
	local image

	if [ -e "/boot/vmlinuz-$(uname -r)" ]; then
		uname -r
	else
		image=$(find /boot -name 'vmlinuz-*' | sort -V | tail -1)
		echo "${image##*/vmlinuz-}"
	fi
}

# use_kvm: KVM for a second-level guest. A VM that nobody runs stays for good: the first one patches the scheduler (a static key), the last one patches
# it back, and QEMU 7.2 now and then executes such code half patched if another CPU runs it meanwhile. So it is patched once, on one CPU.
use_kvm()
{
	local cpu1=/sys/devices/system/cpu/cpu1/online

	[ ! -e /run/kvm-hold ] || return 0
	echo 0 >"$cpu1" || return 1
	modprobe kvm_amd || modprobe kvm_intel
	python3 /dp/selftests/bed/kvm-hold >/run/kvm-hold 2>&1 &
	wait_for 20 grep -q held /run/kvm-hold
	echo 1 >"$cpu1"
}

# --- devices ---

# driver_of BDF: its driver's name, or nothing
driver_of()
{
	local link

	link=$(readlink "$DP_PCI/devices/$1/driver") || return 0
	echo "${link##*/}"
}

# set_of BDF: the functions of its isolation set
set_of()
{
	ls "$DP_PCI/devices/$1/iommu_group/devices"
}

unbind()
{
	[ -z "$(driver_of "$1")" ] || echo "$1" >"$DP_PCI/devices/$1/driver/unbind"
}

# bind_to BDF DRIVER: through driver_override, which it clears again
bind_to()
{
	unbind "$1"
	echo "$2" >"$DP_PCI/devices/$1/driver_override"
	echo "$1" >"$DP_PCI/drivers_probe"
	echo >"$DP_PCI/devices/$1/driver_override"
	[ "$(driver_of "$1")" = "$2" ]
}

# block_device BDF: /dev/nvmeXn1 of an NVMe function
block_device()
{
	local dir

	for dir in "$DP_PCI/devices/$1"/nvme/nvme*/nvme*n1; do
		[ -e "$dir" ] || return 1
		echo "/dev/$(basename "$dir" | sed 's/c[0-9]*n/n/')"
	done
}

start_udev()
{
	/lib/systemd/systemd-udevd --daemon
	udevadm trigger --action=add
	udevadm settle --timeout=60
}

# --- kernel log ---

# log_mark: remember this point; log_since: what came after it
# (not by line numbers: a full buffer drops its oldest lines)
log_mark()
{
	echo "log-mark-$$-$(date +%s%N)" >/run/log-mark
	cat /run/log-mark >/dev/kmsg
}

# All that is left, if the mark itself was dropped
log_since()
{
	dmesg | awk -v mark="$(cat /run/log-mark)" '
		{ line[NR] = $0 }
		index($0, mark) { at = NR }
		END { for (i = at + 1; i <= NR; i++) print line[i] }'
}
