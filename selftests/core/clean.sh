#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk between two tenants, with real guests and the shipped hook: what the first one writes the second one cannot read.
set -uo pipefail
. /dp/selftests/bed/lib.sh
here=/dp/selftests/core
hooks=/dp/tools/directpath/clean.d
tmp=$(mktemp -d)
disk=$DP_SWITCH_NVME

# shellcheck disable=SC2317 # called by the trap
clean_up()
{
	rm -rf "$tmp"
}
trap clean_up EXIT

state_is() { [ "$(directpath -j dev show "$1" | jq -r '.devices[0].state')" = "$2" ]; }

says() { directpath -j dev show "$disk" | jq -r ".devices[0].$1"; }

# shellcheck disable=SC2317 # called through wait_for
being_cleaned() { [ "$(driver_of "$disk")" = nvme ] && says detail | grep -q 'being cleaned'; }

# guest VM: what it prints
guest()
{
	timeout $((150 * ${DP_SLOW:-1})) qemu-system-x86_64 -machine q35 -accel kvm -cpu host -m 256 -nodefaults -no-reboot -display none -serial stdio \
		-kernel "/boot/vmlinuz-$(guest_release)" -initrd "$tmp/initrd" -append "console=ttyS0 quiet panic=-1 dp_name=$1" \
		-device "vfio-pci,host=$disk" </dev/null 2>&1 | tr -d '\r' | tee "$tmp/guest" | grep '^guest:'
	wait_for 60 state_is "$disk" reserved
}

[ -n "$disk" ] || skip_all "no disk below a switch on this machine"
load_vfio || bail "the modules do not load"
use_kvm || bail "no KVM in the bed"
mkdir -p /etc/directpath/clean.d
install -m 755 "$hooks/nvme-format" /etc/directpath/clean.d/ || bail "no hook"
/dp/selftests/bed/mk-guest-initrd -k "$(guest_release)" -o "$tmp/initrd" -m nvme "$here/clean-guest-init" || bail "no guest image"

check "a hook is set" directpath dev set "$disk" clean nvme-format
check "the disk is claimed" directpath dev claim "$disk"
check "two VMs" directpath -b - <<'EOF'
vm add one uid 0
vm add two uid 0
EOF
check "it goes to the first VM" directpath vm attach one "$disk"
same "the first guest finds nothing" "guest: block 100 says '', the last one ''" "$(guest one | head -1)"
check "it has written" grep -q "wrote 'secret of one' and 'secret of one'" "$tmp/guest"
same "started again, it finds what it has left" "guest: block 100 says 'secret of one', the last one 'secret of one'" "$(guest one | head -1)"

check "it is taken from the first VM" directpath vm detach one "$disk"
same "it is dirty" dirty "$(says state)"
directpath vm attach two "$disk" 2>"$tmp/refusal"
same "the second VM does not get it" 4 $?
check "and is told the way out" grep -q "dev clean" "$tmp/refusal"
directpath -j dev reset "$disk" >/dev/null
same "a reset does not make it clean" dirty "$(says state)"

# The wrong hook, then the right one.
printf '#!/bin/sh\necho "the drive said no" >&2\nexit 9\n' >/etc/directpath/clean.d/bad
chmod 755 /etc/directpath/clean.d/bad
directpath dev set "$disk" clean bad
directpath dev clean "$disk"
same "a hook that fails" 2 $?
same "leaves it dirty" dirty "$(says state)"
same "and the reason is kept" "cleaning hook bad failed: exit 9: the drive said no" "$(says detail)"
same "it is ours again" vfio-pci "$(driver_of "$disk")"
directpath dev set "$disk" clean nvme-format
check "the shipped hook cleans it" directpath dev clean "$disk"
same "it is ready" ready "$(says state)"
same "and ours" vfio-pci "$(driver_of "$disk")"

check "it goes to the second VM" directpath vm attach two "$disk"
same "the second guest finds nothing" "guest: block 100 says '', the last one ''" "$(guest two | head -1)"
check "it has written" grep -q "wrote 'secret of two' and 'secret of two'" "$tmp/guest"
check "it is taken from the second VM" directpath vm detach two "$disk"

# A cleaning whose tool was killed: the next one is told, and abort leads out. The module can go meanwhile.
printf '#!/bin/sh\nsleep 600\n' >/etc/directpath/clean.d/slow
chmod 755 /etc/directpath/clean.d/slow
directpath dev set "$disk" clean slow
directpath dev clean "$disk" & tool=$!
check "a cleaning is under way" wait_for 30 being_cleaned
kill -KILL $tool
wait $tool 2>/dev/null
directpath dev clean "$disk" 2>"$tmp/refusal"
same "another one is refused" 5 $?
check "with who it is" grep -q "being cleaned by process $tool (directpath)" "$tmp/refusal"
check "abort takes it back" directpath dev clean "$disk" abort
same "as dirty" dirty "$(says state)"
directpath dev release "$disk" 2>"$tmp/refusal"
same "it is not released by accident" 4 $?
check "but if that is meant" directpath --force=dirty dev release "$disk"
same "to its host driver" nvme "$(driver_of "$disk")"
check "the modules go" unload_dp
finish
