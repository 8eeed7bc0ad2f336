#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest survives that its disk is taken from it: it has I/O errors, goes on, and when the VMM has let go of what it held, gets the disk again.
set -uo pipefail
. /dp/selftests/bed/lib.sh
here=/dp/selftests/core
tmp=$(mktemp -d)
disk=$DP_NVME
qemu_pid=

# shellcheck disable=SC2317 # called by the trap
clean_up()
{
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap clean_up EXIT

state_is() { [ "$(directpath -j dev show "$disk" | jq -r '.devices[0].state')" = "$1" ]; }

guest_says() { tr -d '\r' <"$tmp/guest" | grep -q "^guest: $1"; }

# How often it has said so
times() { tr -d '\r' <"$tmp/guest" | grep -c "^guest: $1"; }

more_than() { [ "$(times "$2")" -gt "$1" ]; }

# monitor JSON: a command for the guest's QEMU; its answer
monitor()
{
	printf '{"execute": "qmp_capabilities"}\n%s\n' "$1" | socat -t 2 - "UNIX-CONNECT:$tmp/qmp" | grep -E '^\{"(return|error)"' | tail -1 | tr -d "\r"
}

has_let_go() { monitor '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}' | jq -e '[.return[].name] | index("disk") == null' >/dev/null; }

load_vfio || bail "the modules do not load"
use_kvm || bail "no KVM in the bed"
/dp/selftests/bed/mk-guest-initrd -k "$(guest_release)" -o "$tmp/initrd" -m nvme "$here/survive-guest-init" || bail "no guest image"
directpath dev claim "$disk" >/dev/null || bail "no disk"
directpath vm add web1 uid 0 >/dev/null || bail "no VM"
directpath vm attach web1 "$disk" >/dev/null || bail "no disk for the VM"

qemu-system-x86_64 -machine q35 -accel kvm -cpu host -m 256 -nodefaults -no-reboot -display none -serial stdio -qmp "unix:$tmp/qmp,server=on,wait=off" \
	-kernel "/boot/vmlinuz-$(guest_release)" -initrd "$tmp/initrd" -append "console=ttyS0 quiet panic=-1 nvme_core.io_timeout=3 nvme_core.admin_timeout=3" \
	-device pcie-root-port,id=rp1,slot=1 -device "vfio-pci,host=$disk,id=disk,bus=rp1" </dev/null >"$tmp/guest" 2>&1 &
qemu_pid=$!
check "the guest streams from its disk" wait_for 120 more_than 2 "read"
[ "${tap_failed:?}" = 0 ] || tail -25 "$tmp/guest"

check "the disk is taken from under it" directpath vm detach web1 "$disk" now
check "it is ready for somebody else" state_is ready
check "the guest has I/O errors" wait_for 120 guest_says "error"
lives=$(times alive)
check "and goes on" wait_for 60 more_than "$lives" alive
check "the VMM lives" kill -0 "$qemu_pid"

same "the VMM is told to let go" '{"return": {}}' "$(monitor '{"execute": "device_del", "arguments": {"id": "disk"}}')"
check "it does" wait_for 120 has_let_go
check "the disk is attached again" directpath vm attach web1 "$disk"
reads=$(times read)
same "the VMM takes it" '{"return": {}}' \
	"$(monitor '{"execute": "device_add", "arguments": {"driver": "vfio-pci", "host": "'"$disk"'", "id": "disk", "bus": "rp1"}}')"
check "the guest streams again" wait_for 120 more_than $((reads + 2)) "read"
check "it runs" state_is running
[ "${tap_failed:?}" = 0 ] || tail -25 "$tmp/guest"

kill "$qemu_pid"
wait "$qemu_pid"
qemu_pid=
check "at its end the disk is reserved" wait_for 60 state_is reserved
directpath vm detach web1 "$disk" >/dev/null
directpath dev release "$disk" >/dev/null
directpath vm del web1 >/dev/null
unload_dp
finish
