#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the tool without the module. $DIRECTPATH is the tool as it is installed (usage and help only); $DIRECTPATH_TEST is the same with a kernel
# that is a JSON file (fake_kernel.c) and a fake /sys and /proc. Run by `make check'; arguments are names of tests.

set -u

here=$(cd "$(dirname "$0")" && pwd)
FAKE=$(mktemp -d)
ROOT=$FAKE/root
export DIRECTPATH_FAKE="$FAKE" NO_COLOR=1 TZ=UTC LC_ALL=C
trap 'rm -rf "$FAKE"' EXIT INT TERM
# shellcheck source=tree.sh
. "$here/tree.sh"

checks=0
failed=0
OUT=
ERR=
RC=0

# run ARGS..: the tool with the fake kernel
run() {
	"$DIRECTPATH_TEST" "$@" > "$FAKE/out" 2> "$FAKE/err"
	RC=$?
	OUT=$(cat "$FAKE/out")
	ERR=$(cat "$FAKE/err")
}

# real ARGS..: the tool as installed
real() {
	"$DIRECTPATH" "$@" > "$FAKE/out" 2> "$FAKE/err"
	RC=$?
	OUT=$(cat "$FAKE/out")
	ERR=$(cat "$FAKE/err")
}

bad() {
	failed=$((failed + 1))
	echo "FAIL $current: $1"
	echo "  rc=$RC"
	echo "$OUT" | sed 's/^/  out: /'
	echo "$ERR" | sed 's/^/  err: /'
}

rc() {
	checks=$((checks + 1))
	[ "$RC" -eq "$1" ] || bad "exit status is not $1"
}

# has TEXT / hasnt TEXT: somewhere in the output or the errors
has() {
	checks=$((checks + 1))
	printf '%s\n%s\n' "$OUT" "$ERR" | grep -qF -- "$1" || bad "no '$1'"
}

hasnt() {
	checks=$((checks + 1))
	! printf '%s\n%s\n' "$OUT" "$ERR" | grep -qF -- "$1" || bad "there is '$1'"
}

# json EXPRESSION: python, with d as the parsed output
json() {
	checks=$((checks + 1))
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); assert d["schema"]==1; assert eval(sys.argv[2]), d' "$FAKE/out" "$1" 2> "$FAKE/why" ||
		bad "not: $1 ($(tail -1 "$FAKE/why"))"
}

# logged LINE / nothing_logged: what was asked of the kernel
logged() {
	checks=$((checks + 1))
	grep -qxF -- "$1" "$FAKE/log" 2> /dev/null || bad "the kernel was not asked: $1 (but: $(cat "$FAKE/log" 2> /dev/null))"
}

nothing_logged() {
	checks=$((checks + 1))
	[ ! -s "$FAKE/log" ] || bad "the kernel was asked: $(cat "$FAKE/log")"
}

GPU=pci0000:3a/0000:3a:02.0/0000:3b:00.0
GPU_AUDIO=pci0000:3a/0000:3a:02.0/0000:3b:00.1
NVME=pci0000:5d/0000:5d:00.0/0000:5e:00.0
NVME2=pci0000:5d/0000:5d:01.0/0000:5f:00.0
NIC0=pci0000:85/0000:85:00.0/0000:86:00.0
NIC1=pci0000:85/0000:85:00.0/0000:86:00.1
USB=pci0000:00/0000:00:14.0

# The host of the examples in the manual.
host() {
	fresh
	for f in $GPU $GPU_AUDIO $NVME $NVME2 $NIC0 $NIC1 $USB pci0000:00/0000:00:1f.0; do
		pci "$f"
	done
	disk nvme0n1 "$NVME/nvme/nvme0" 259:0
	part nvme0n1p1 nvme0n1 259:1
	part nvme0n1p2 nvme0n1 259:2
	disk nvme1n1 "$NVME2/nvme/nvme1" 259:3
	part nvme1n1p1 nvme1n1 259:4
	ln -sfn "$ROOT/sys/devices/$NVME/nvme/nvme0" "$ROOT/sys/class/nvme/nvme0"
	ln -sfn "$ROOT/sys/devices/$NVME2/nvme/nvme1" "$ROOT/sys/class/nvme/nvme1"
	nic ens3f0 "$NIC0"
	nic ens3f1 "$NIC1"
	cat > "$FAKE/kernel.json" << 'END'
{
 "host": {"version": "0.1", "iommu": "intel-iommu", "intremap": true, "vector_budget": 4096, "vectors_used": 33, "posted": 1,
  "posted_source": "the driver says so", "bypassed": 2},
 "devices": [
  {"bdf": "0000:3b:00.0", "name": "gpu0", "label": "a100", "vendor": "10de", "device": "2330", "class": "030200", "driver": "nvidia", "set": 12,
   "verdict": "ok-set", "grade": "A", "reset_methods": "flr,bus", "numa": 0, "msix": 33, "bars": [16777216, 137438953472],
   "reasons": [{"code": "set-shared", "culprit": "set 12 also holds 0000:3b:00.1", "fix": "claim all of them (whole set)"}]},
  {"bdf": "0000:3b:00.1", "vendor": "10de", "device": "10fa", "class": "040300", "driver": "snd_hda_intel", "set": 12, "verdict": "ok-set",
   "grade": "A", "reset_methods": "bus", "numa": 0},
  {"bdf": "0000:5e:00.0", "vendor": "144d", "device": "a80a", "class": "010802", "driver": "nvme", "set": 31, "grade": "A", "reset_methods": "flr", "numa": 0},
  {"bdf": "0000:5f:00.0", "vendor": "144d", "device": "a80a", "class": "010802", "driver": "nvme", "set": 32, "grade": "A", "reset_methods": "flr", "numa": 0},
  {"bdf": "0000:86:00.0", "vendor": "8086", "device": "1572", "class": "020000", "driver": "i40e", "set": 44, "grade": "B", "reset_methods": "flr", "numa": 1},
  {"bdf": "0000:86:00.1", "vendor": "8086", "device": "1572", "class": "020000", "driver": "i40e", "set": 45, "grade": "B", "reset_methods": "flr", "numa": 1},
  {"bdf": "0000:00:14.0", "vendor": "8086", "device": "a36d", "class": "0c0330", "driver": "xhci_hcd", "set": 4, "grade": "A", "reset_methods": "flr"},
  {"bdf": "0000:00:1f.0", "vendor": "8086", "device": "a30d", "class": "060100", "set": 5, "verdict": "blocked",
   "reasons": [{"code": "not-endpoint", "blocking": true, "culprit": "it is part of the platform"}]}
 ],
 "vms": [{"name": "train1", "uid": 1000, "gid": 1000, "devices": []}],
 "stats": [
  {"bdf": "0000:3b:00.0", "vm": "train1", "interrupts": 918273, "storms": 3, "storm_rate": 5000, "storm_backoff": 20, "nonfatal": 4, "fatal": 1, "error_policy": 3, "iommu": 6, "fault_limit": 20, "config_denied": 2, "vectors": [1, 2, 918270],
   "registers": [{"offset": 4, "where": "header", "writes": 7},
    {"offset": 264, "where": "AER", "writes": 3, "denied": 2, "bits": 1048576, "why": "errors are the host's"}]},
  {"vm": "train1", "mapped": 274877906944, "maps": 12}
 ]
}
END
}

# vm_pid VM PID: it runs; 0: it does not
vm_pid() {
	python3 - "$FAKE/kernel.json" "$1" "$2" << 'END'
import json, sys
k = json.load(open(sys.argv[1]))
for v in k["vms"]:
    if v["name"] == sys.argv[2]:
        v["pid"] = int(sys.argv[3])
json.dump(k, open(sys.argv[1], "w"))
END
}

# script OP JSON: what the kernel does with the next operation
script() {
	python3 - "$FAKE/kernel.json" "$1" "$2" << 'END'
import json, sys
k = json.load(open(sys.argv[1]))
k.setdefault("ops", {})[sys.argv[2]] = json.loads(sys.argv[3])
json.dump(k, open(sys.argv[1], "w"))
END
}

# change BDF JSON: fields of a function
change() {
	python3 - "$FAKE/kernel.json" "$1" "$2" << 'END'
import json, sys
k = json.load(open(sys.argv[1]))
for d in k["devices"]:
    if d["bdf"] == sys.argv[2]:
        d.update(json.loads(sys.argv[3]))
json.dump(k, open(sys.argv[1], "w"))
END
}

test_usage() {
	real help; rc 0; has "dev     show"
	real; rc 2; has "modprobe directpath"
	real -j; rc 2; json 'd["error"]["kind"] == "kernel" and d["error"]["code"] == 2'
	for object in host dev vm stats monitor; do
		real $object help; rc 0; has "directpath $object"
		real help $object; rc 0; has "directpath $object"
	done
	real dev claim help; rc 0; has "claim SELECTOR"
	real -h; rc 0
	real -V; rc 0; has "directpath "
	real -j -V; rc 0; json '"version" in d'
	real nonsense; rc 1
	real -j nonsense; rc 1; json 'd["error"]["kind"] == "usage"'
	real dev nonsense; rc 1; has "no verb"
	real dev show id:10de; rc 1
	real dev show class:nvmee; rc 1
	real dev show state nonsense; rc 1
	real dev claim; rc 1; has "which function"
	real dev claim 3b:00.0 set more; rc 1
	real dev set 3b:00.0; rc 1; has "what to set"
	real dev set 3b:00.0 name; rc 1
	real dev release 3b:00.0 driver vfio-pci; rc 1
	real vm add; rc 1
	real vm add x max-pin 12Q; rc 1
	real vm add x uuid 1234; rc 1
	real vm attach x; rc 1
	real host set adhoc maybe; rc 1
	real stats every; rc 1
	real stats every 0; rc 1
	real -j stats prom; rc 1
	real monitor nonsense; rc 1
	real --force dev claim 3b:00.0; rc 1; has "--force=REASON"
	real --force=everything dev claim 3b:00.0; rc 1; has "no reason 'everything'"
	real -w; rc 1
	real -w soon; rc 1
	real --frobnicate; rc 1
	real -b /nonexistent; rc 1
}

test_show() {
	host
	run; rc 0; has "DEVICE"; has "0000:3b:00.0  gpu0  3d"; hasnt "0000:00:1f.0"
	run dev show all; rc 0; has "0000:00:1f.0"; has "not-endpoint"
	run d s class:nvme; rc 0; has "0000:5e:00.0"; hasnt "0000:3b:00.0"
	run dev show gpu0; rc 0; has "0000:3b:00.0"; hasnt "0000:3b:00.1"
	run dev show 3b:00; rc 0; has "0000:3b:00.0"; has "0000:3b:00.1"
	run dev show label:a100 id:144d:a80a; rc 0; has "3b:00.0"; has "5e:00.0"; has "5f:00.0"; hasnt "86:00.0"
	run dev show set:45; rc 0; has "86:00.1"; hasnt "86:00.0"
	run dev show if:ens3f1; rc 0; has "86:00.1"; hasnt "86:00.0"
	run dev show blk:nvme1n1; rc 0; has "5f:00.0"; hasnt "5e:00.0"
	run dev show blk:nvme1n1p1; rc 0; has "5f:00.0"
	run dev show blk:nvme0; rc 0; has "5e:00.0"
	run dev show gpu; rc 3; has "no function matches gpu"
	run dev show class:gpu; rc 0; has "3b:00.0"
	run dev show 99:00.0; rc 3
	run -j dev show 99:00.0; rc 3; json 'd["devices"] == [] and d["error"]["kind"] == "not-found"'
	run dev show state running; rc 0; hasnt "0000:"
	run -j dev show state running; rc 0; json 'd["devices"] == []'
	run -j dev show gpu0; rc 0
	json 'd["devices"][0]["bdf"] == "0000:3b:00.0" and d["devices"][0]["vendor"] == "10de" and d["devices"][0]["set"] == 12'
	json 'd["devices"][0]["path"] == "pci0000:3a/02.0-00.0" and d["devices"][0]["reset"] == ["flr", "bus"]'
	json 'd["devices"][0]["bars"][1]["size"] == 137438953472 and d["devices"][0]["grade"] == "A" and d["devices"][0]["vm"] is None'
	run -j -p dev show gpu0; rc 0; json 'd["devices"][0]["numa"] == 0'
}

test_disks() {
	host
	mounted 259:2 / ext4 /dev/nvme0n1p2
	mounted 259:1 /boot/efi vfat /dev/nvme0n1p1
	run dev check blk:nvme0n1; rc 4; has "root-disk"; has "nvme0n1p2 -> /"; has "nvme0n1p1 -> /boot/efi"; has "nothing overrides"
	run dev check blk:nvme1n1; rc 0; has "nothing speaks against it"
	run dev claim 5e:00.0; rc 4; has "root-disk"; nothing_logged
	run --force=root-disk dev claim 5e:00.0; rc 4; has "nothing overrides root-disk"; nothing_logged
	run -j dev claim 5e:00.0; rc 4
	json 'd["results"][0]["result"] == "refused" and d["results"][0]["reasons"][0]["code"] == "root-disk" and d["error"]["code"] == 4'
	run -j dev show 5e:00.0; json 'd["devices"][0]["verdict"] == "blocked"'

	host # RAID 1 under LVM under ext4, swap on LVM
	stack md0 9:0 nvme0n1p2 nvme1n1p1
	mkdir -p "$ROOT/sys/class/block/md0/md"; echo raid1 > "$ROOT/sys/class/block/md0/md/level"
	stack dm-0 253:0 md0
	mkdir -p "$ROOT/sys/class/block/dm-0/dm"; echo vg-root > "$ROOT/sys/class/block/dm-0/dm/name"; echo LVM-xyz > "$ROOT/sys/class/block/dm-0/dm/uuid"
	stack dm-1 253:1 md0
	mkdir -p "$ROOT/sys/class/block/dm-1/dm"; echo vg-swap > "$ROOT/sys/class/block/dm-1/dm/name"
	mkdir -p "$ROOT/dev"; ln -s "$ROOT/sys/devices/virtual/block/dm-1" "$ROOT/dev/dm-1"
	mounted 253:0 / ext4 /dev/mapper/vg-root
	swap /dev/dm-1 partition
	run dev check 5f:00.0; rc 4; has "nvme1n1p1 -> md0 -> vg-root -> /"; has "swap"; has "nvme1n1p1 -> md0 -> vg-swap -> swap"
	has "raid-member"; has "nvme1n1p1 -> md0 (raid1)"; hasnt "(LVM)"
	run dev claim 5e:00.0 --force=raid-member; rc 4; hasnt "raid-member"; has "root-disk"; nothing_logged

	host # an array that nothing uses may be given up
	stack md127 9:127 nvme1n1p1
	run dev claim 5f:00.0; rc 4; has "raid-member"; has "--force=raid-member"; nothing_logged
	run dev claim 5f:00.0 --force=raid-member; rc 0; has "claimed"; logged "claim 0000:5f:00.0 unbind force=raid-member"

	host # members without an array, seen by udev only
	udev 259:4 ID_FS_TYPE=LVM2_member
	run dev check 5f:00.0; rc 4; has "LVM member (inactive)"
	udev 259:4 ID_FS_TYPE=zfs_member ID_FS_LABEL=tank
	run dev check 5f:00.0; rc 0
	mkdir -p "$ROOT/sys/module/zfs"
	run dev check 5f:00.0; rc 4; has "raid-member"; has "nvme1n1p1 -> tank (ZFS)"
	mounted 0:50 /tank zfs tank
	run dev check 5f:00.0; rc 4; has "root-disk"; has "tank (ZFS) -> /tank"

	host # btrfs over two disks: the mount names one of them
	mkdir -p "$ROOT/sys/fs/btrfs/1234/devices/nvme0n1p2" "$ROOT/sys/fs/btrfs/1234/devices/nvme1n1p1"
	mounted 0:30 /srv btrfs /dev/nvme0n1p2
	run dev check 5f:00.0; rc 4; has "nvme1n1p1 -> /srv"

	host # a swap file, a mount point with a blank
	mounted 259:4 '/mnt/a\040b' ext4 /dev/nvme1n1p1
	swap '/mnt/a\040b/swap' file
	run dev check 5f:00.0; rc 4; has "nvme1n1p1 -> /mnt/a b"; has "swap -> swap"; has "umount /mnt/a b"

	host # boot stick: the controller is what is lost
	disk sda $USB/usb1/1-4/1-4:1.0/host0/target0:0:0/0:0:0:0 8:0
	part sda1 sda 8:1
	mounted 8:1 /boot ext4 /dev/sda1
	run dev check 0000:00:14.0; rc 4; has "sda1 -> /boot"

	host # NVMe multipath: the disk hangs at no function
	rm "$ROOT/sys/class/block/nvme1n1" "$ROOT/sys/block/nvme1n1" "$ROOT/sys/dev/block/259:3" "$ROOT/sys/class/block/nvme1n1p1" "$ROOT/sys/dev/block/259:4"
	subsystem=$ROOT/sys/devices/virtual/nvme-subsystem/nvme-subsys1
	mkdir -p "$subsystem"
	ln -s "$ROOT/sys/devices/$NVME2/nvme/nvme1" "$subsystem/nvme1"
	blockdev nvme1n1 "$subsystem/nvme1n1" 259:3
	part nvme1n1p1 nvme1n1 259:4
	mounted 259:4 /data xfs /dev/nvme1n1p1
	run dev check 5f:00.0; rc 4; has "nvme1n1p1 -> /data"
	run dev show blk:nvme1n1; rc 0; has "5f:00.0"
}

test_net() {
	host
	upper bond0 ens3f0
	upper br0 bond0
	route br0 00000000 00000000
	run dev check 86:00.0; rc 4; has "mgmt-nic"; has "ens3f0 -> bond0 -> br0 has the default route"
	run dev check 86:00.1; rc 0
	run dev claim 86:00.0; rc 4; nothing_logged
	run dev claim 86:00.0 --force=mgmt-nic; rc 0; logged "claim 0000:86:00.0 unbind force=mgmt-nic"

	host # a port of a bridge without a route
	upper br1 ens3f1
	run dev check 86:00.1; rc 4; has "ens3f1 -> br1"; has "nomaster"

	host # IPv6 only
	route6 ens3f0 00000000000000000000000000000000 00
	run dev check 86:00.0; rc 4; has "mgmt-nic"
	host # an unreachable default route at lo
	printf '%s 00 %s 00 %s ffffffff 00000001 00000000 00200200       lo\n' "$(printf %032d 0)" "$(printf %032d 0)" "$(printf %032d 0)" \
		> "$ROOT/proc/net/ipv6_route"
	run dev check 86:00.0; rc 0

	host # the session comes in over the other port (10.1.0.0/16)
	route ens3f1 0000010A 0000FFFF
	route ens3f0 00000000 00000000
	export SSH_CONNECTION="10.1.2.3 51000 10.1.0.1 22"
	run dev check 86:00.1; rc 4; has "caller-session"; has "ens3f1 carries your SSH session from 10.1.2.3"
	run dev check 86:00.0; rc 4; hasnt "caller-session"; has "mgmt-nic"
	run dev claim 86:00.1 --force=caller-session; rc 0
	unset SSH_CONNECTION

	host # sudo has dropped the variable; the shell above has it
	route ens3f1 0000010A 0000FFFF
	mkdir -p "$ROOT/proc/77" "$ROOT/proc/66"
	echo "99 (direct path) S 77 99 99" > "$ROOT/proc/self/stat"
	echo "77 (sudo) S 66 77 77" > "$ROOT/proc/77/stat"
	printf 'HOME=/root\0' > "$ROOT/proc/77/environ"
	echo "66 (bash) S 1 66 66" > "$ROOT/proc/66/stat"
	printf 'HOME=/home/x\0SSH_CONNECTION=10.1.2.3 51000 10.1.0.1 22\0' > "$ROOT/proc/66/environ"
	run dev check 86:00.1; rc 4; has "caller-session"

	host # IPv6, mapped IPv4, scope
	route6 ens3f1 20010db8000000000000000000000000 20
	SSH_CLIENT="2001:db8::5 1 22" run dev check 86:00.1; has "caller-session"
	SSH_CLIENT="fe80::5%ens3f0 1 22" run dev check 86:00.0; has "caller-session"
	route ens3f0 0000010A 0000FFFF
	SSH_CLIENT="::ffff:10.1.2.3 1 22" run dev check 86:00.0; has "caller-session"
	SSH_CLIENT="127.0.0.1 1 22" run dev check 86:00.0; hasnt "caller-session"
	SSH_CLIENT="garbage" run dev check 86:00.0; hasnt "caller-session"
	unset SSH_CLIENT
}

test_console() {
	host
	echo 1 > "$ROOT/sys/devices/$GPU/boot_vga"
	run dev check gpu0; rc 4; has "console-gpu"; has "boot display"
	run dev claim 3b:00 --force=console-gpu; rc 0; logged "claim 0000:3b:00.0 unbind whole-set force=console-gpu"
	host
	mkdir -p "$ROOT/sys/devices/$GPU/graphics/fb0"
	ln -s "$ROOT/sys/devices/$GPU" "$ROOT/sys/devices/$GPU/graphics/fb0/device"
	ln -s "$ROOT/sys/devices/$GPU/graphics/fb0" "$ROOT/sys/class/graphics/fb0"
	echo nouveaudrmfb > "$ROOT/sys/class/graphics/fb0/name"
	run dev check gpu0; rc 4; has "fb0 (nouveaudrmfb)"
	host
	mkdir -p "$ROOT/sys/devices/$GPU/drm/card0/card0-HDMI-A-1"
	ln -s "$ROOT/sys/devices/$GPU/drm/card0/card0-HDMI-A-1" "$ROOT/sys/class/drm/card0-HDMI-A-1"
	echo connected > "$ROOT/sys/class/drm/card0-HDMI-A-1/status"
	echo disabled > "$ROOT/sys/class/drm/card0-HDMI-A-1/enabled"
	run dev check gpu0; rc 0
	echo enabled > "$ROOT/sys/class/drm/card0-HDMI-A-1/enabled"
	run dev check gpu0; rc 4; has "HDMI-A-1"
	# the kernel says it, too: once is enough
	change 0000:3b:00.0 '{"reasons": [{"code": "console-gpu", "blocking": true, "forceable": true, "culprit": "the kernel knows"}]}'
	run dev check gpu0; rc 4; has "the kernel knows"; hasnt "HDMI-A-1"
}

test_claim() {
	host
	run dev claim 3b:00.0; rc 4; has "set-shared"; has "0000:3b:00.1 (snd_hda_intel)"; has "dev claim 0000:3b:00.0 set"; nothing_logged
	run --dry-run dev claim 3b:00.0 set; rc 0; has "plan: claim 0000:3b:00.0, 0000:3b:00.1"; has "unbind nvidia"; nothing_logged
	run dev claim 3b:00.0 set; rc 0; has "0000:3b:00.0, 0000:3b:00.1 claimed (612 ms)"; logged "claim 0000:3b:00.0 unbind whole-set"
	rm "$FAKE/log"
	run dev claim 3b:00; rc 0; has "already claimed"; nothing_logged
	run -j dev claim 3b:00; rc 0; json '[r["result"] for r in d["results"]] == ["already", "already"]'
	run dev show gpu0; has "directpath"; has "ready"
	host
	run dev claim 3b:00.0 3b:00.1; rc 0; logged "claim 0000:3b:00.0 unbind whole-set"
	host
	run -j dev claim 5f:00.0; rc 0; json 'd["results"][0] == {"target": "0000:5f:00.0", "action": "claim", "result": "done", "op": 7, "elapsed_ms": 612}'
	logged "claim 0000:5f:00.0 unbind"

	host # reasons of a companion count, and reasons of the kernel, too
	change 0000:3b:00.1 '{"reasons": [{"code": "driver-busy", "blocking": true, "forceable": true, "culprit": "in use", "fix": "stop it"}]}'
	run dev claim 3b:00; rc 4; has "driver-busy"; has "fix: stop it"; nothing_logged
	run dev claim 3b:00 --force=driver-busy; rc 0
	host
	change 0000:5f:00.0 '{"reasons": [{"code": "rmrr", "blocking": true, "culprit": "firmware", "fix": "firmware setup"}]}'
	run dev claim 5f:00.0 --force=rmrr; rc 4; has "rmrr"; nothing_logged

	host # refusals of the kernel
	script claim '{"refuse": "changing anything needs CAP_SYS_ADMIN"}'
	run dev claim 5f:00.0; rc 4; has "changing anything needs CAP_SYS_ADMIN"
	run -j dev claim 5f:00.0; rc 4; json 'd["results"][0]["result"] == "refused" and d["error"]["kind"] == "refused" and d["error"]["code"] == 4'
	host # refused by the operation, without reasons: EPERM, EACCES, EDQUOT
	for error in 1 13 122; do
		script claim "{\"error\": $error, \"message\": \"it is dirty\"}"
		run -j dev claim 5f:00.0; rc 4; json 'd["results"][0]["result"] == "refused" and d["results"][0]["message"] == "it is dirty"'
	done
	host # what fails is no refusal
	script claim '{"error": 22, "message": "nonsense"}'
	run -j dev claim 5f:00.0; rc 2; json 'd["results"][0]["result"] == "failed" and d["error"]["kind"] == "kernel"'
	host
	script claim '{"error": 16, "message": "nvme does not let go"}'
	run dev claim 5f:00.0; rc 5; has "nvme does not let go"
	run -j dev claim 5f:00.0; rc 5; json 'd["results"][0]["message"] == "nvme does not let go" and d["error"]["kind"] == "busy"'
	host
	script claim '{"error": 1, "message": "no", "reasons": [{"code": "vfs-enabled", "blocking": true, "culprit": "4 VFs", "fix": "write 0"}]}'
	run dev claim 5f:00.0; rc 4; has "vfs-enabled"; has "fix: write 0"
	host
	script claim '{"hang": true}'
	run -w 1 dev claim 5f:00.0; rc 5; has "still at it after 1 s (operation 7)"
	run -w 0 dev claim 5f:00.0; rc 0; has "queued as operation 7"

	host # some go, some do not
	mounted 259:2 / ext4 /dev/nvme0n1p2
	run dev claim class:nvme; rc 6; has "0000:5f:00.0 claimed"; has "root-disk"
	run -j dev claim class:nvme; rc 6; json '[r["result"] for r in d["results"]] == ["refused", "already"]'
	run dev claim 00:1f.0; rc 4; has "not-endpoint"
	change 0000:5f:00.0 '{"state": "quarantined"}'
	run dev claim 5f:00.0; rc 0; has "but it is quarantined"
}

test_release() {
	host
	run dev release gpu0; rc 0; has "already released"; nothing_logged
	run dev claim 3b:00 5f:00.0; rc 0
	rm "$FAKE/log"
	run --dry-run dev release gpu0; rc 0; has "plan: release"; nothing_logged
	run dev release gpu0; rc 0; logged "release 0000:3b:00.0 whole-set"; has "0000:3b:00.0, 0000:3b:00.1 released"
	run dev release 5f:00.0 driver none; rc 0; logged "release 0000:5f:00.0 whole-set driverless"
	run dev claim 3b:00 5f:00.0; rc 0
	run host release-all; rc 0; has "0000:3b:00.0 released"; has "0000:5f:00.0 released"
	run host release-all; rc 0; has "already released"
	# what a VM has goes too, but not from under one that runs
	run dev claim 3b:00 5f:00.0; rc 0
	run vm attach train1 gpu0; rc 0
	rm "$FAKE/log"
	run --dry-run dev release gpu0; rc 5; has "VM train1 has it"; has "vm detach train1 0000:3b:00.0"; has "--force=attached"; nothing_logged
	run --dry-run --force=attached dev release gpu0; rc 0; has "plan: release"; nothing_logged
	vm_pid train1 4711
	run host release-all; rc 6; has "VM train1 is running (pid 4711)"; has "vm detach train1 0000:3b:00.0 now"; has "0000:5f:00.0 released"
	vm_pid train1 0
	rm "$FAKE/log"
	run --dry-run host release-all; rc 0; has "plan: release 0000:3b:00.0"; nothing_logged
	run host release-all; rc 0; logged "detach train1 0000:3b:00.0"; logged "release 0000:3b:00.0 whole-set"
	run dev claim 3b:00; rc 0
	run --force=attached dev release gpu0; rc 0; logged "release 0000:3b:00.0 whole-set force=attached"
}

test_reset() {
	host
	run dev reset 5f:00.0; rc 2; has "not claimed"; nothing_logged
	run dev claim 5f:00.0 3b:00; rm "$FAKE/log"
	run dev reset 5f:00.0; rc 0; logged "reset 0000:5f:00.0"
	run dev recover 5f:00.0; rc 0; has "already recovered"
	change 0000:5f:00.0 '{"state": "quarantined", "detail": "BAR 0 has changed"}'
	run dev show 5f:00.0; has "(BAR 0 has changed)"
	run dev recover 5f:00.0; rc 0; logged "recover 0000:5f:00.0"
	script reset '{"error": 5, "message": "flr timed out"}'
	run dev reset 5f:00.0; rc 2; has "flr timed out"
}

test_set() {
	host
	run dev set 5f:00.0 name scratch label fast reset flr,bus; rc 0; logged "dev-set 0000:5f:00.0 name=scratch label=fast reset=flr,bus"
	rm "$FAKE/log"
	run dev set scratch label fast; rc 0; has "already set"; nothing_logged
	run dev set scratch label ''; rc 0; logged "dev-set 0000:5f:00.0 name=(same) label= reset=(same)"
	run dev set scratch reset default; rc 0; logged "dev-set 0000:5f:00.0 name=(same) label=(same) reset="
	run dev set 5e:00.0 name scratch; rc 2; has "in use by another device"
	run dev set class:nvme name x; rc 1; has "2 are selected"
	run --dry-run dev set class:nvme label x; rc 0; has "plan: set 0000:5e:00.0"
}

test_accept() {
	host
	run dev claim 5f:00.0; rm "$FAKE/log"
	run dev accept 5f:00.0; rc 2; has "no change to accept"; nothing_logged
	change 0000:5f:00.0 '{"state": "quarantined", "detail": "subsystem was 1:2, is 1:3", "reasons": [{"code": "identity-mismatch", "blocking": true, "forceable": true, "culprit": "subsystem was 1:2, is 1:3", "fix": "dev accept"}]}'
	run --dry-run dev accept 5f:00.0; rc 0; has "plan: accept 0000:5f:00.0: subsystem was 1:2, is 1:3"; nothing_logged
	run dev accept 5f:00.0; rc 0; has "0000:5f:00.0 accepted"; has "is 1:3"; logged "accept 0000:5f:00.0"
	change 0000:5f:00.0 '{"detail": "", "reasons": [], "accepted": {"uid": 0, "pid": 4711, "comm": "directpath", "time": 86400, "change": "subsystem was 1:2, is 1:3"}}'
	run dev check 5f:00.0; has "accepted 1970-01-02 00:00:00 by uid 0, process 4711 (directpath): subsystem was 1:2, is 1:3"
	run -j dev show 5f:00.0; has '"pid":4711,"comm":"directpath"'; has '"change":"subsystem was 1:2, is 1:3"'
	run -j dev show 5e:00.0; has '"accepted":null'
}

# hook NAME BODY..: a cleaning hook
hook() {
	mkdir -p "$ROOT/etc/directpath/clean.d"
	name=$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" > "$ROOT/etc/directpath/clean.d/$name"
	chmod 755 "$ROOT/etc/directpath/clean.d/$name"
}

test_clean() {
	host
	run dev set 5f:00.0 clean wipe; rc 0; logged "dev-set 0000:5f:00.0 name=(same) label=(same) reset=(same) clean=wipe"
	run dev set 5f:00.0 clean wipe; rc 0; has "already set"
	run dev check 5f:00.0; has "cleaned by wipe"
	run dev claim 5f:00.0; rm "$FAKE/log"
	run dev clean 5f:00.0; rc 0; has "already cleaned"; nothing_logged
	change 0000:5f:00.0 '{"state": "dirty", "host_driver": "nvme"}'
	run dev claim 5f:00.0; has "but it is dirty"; has "dev clean"
	run dev clean 5f:00.0; rc 3; has "there is no hook wipe"; has "/etc/directpath/clean.d"; nothing_logged

	hook wipe 'echo "wiping $1 with $DIRECTPATH_DRIVER"'
	run --dry-run dev clean 5f:00.0; rc 0; has "plan: clean 0000:5f:00.0"; has "clean.d/wipe"; nothing_logged
	chmod 777 "$ROOT/etc/directpath/clean.d/wipe"
	run dev clean 5f:00.0; rc 3; has "can be written by others"; nothing_logged
	chmod 644 "$ROOT/etc/directpath/clean.d/wipe"
	run dev clean 5f:00.0; rc 3; has "is no program"; nothing_logged
	chmod 755 "$ROOT/etc/directpath/clean.d/wipe"
	run dev clean 5f:00.0; rc 0; has "wiping 0000:5f:00.0 with nvme"; has "0000:5f:00.0 cleaned: wipe"
	logged "clean 0000:5f:00.0 step=0"; logged "clean 0000:5f:00.0 step=1"

	hook wipe 'echo one' 'echo "no such namespace" >&2' 'exit 3'
	change 0000:5f:00.0 '{"state": "dirty"}'
	run dev clean 5f:00.0; rc 2; has "hook wipe: exit 3: no such namespace; it stays dirty"
	logged "clean 0000:5f:00.0 step=2 exit 3: no such namespace"
	hook wipe 'kill -9 $$'
	run dev clean 5f:00.0; rc 2; has "killed by signal 9"
	# Ended in the middle: the hook goes, and what it has started, and the function comes back.
	hook wipe "sleep 300 & echo \$! > $FAKE/child" "echo \$PPID > $FAKE/tool" 'wait'
	rm -f "$FAKE/log" "$FAKE/tool"
	(until [ -s "$FAKE/tool" ]; do sleep 0.1; done; kill -TERM "$(cat "$FAKE/tool")") &
	run dev clean 5f:00.0; rc 2; has "interrupted"; logged "clean 0000:5f:00.0 step=2 interrupted"
	checks=$((checks + 1))
	sleep 0.2
	! grep -q '^State:.[RSDT]' "/proc/$(cat "$FAKE/child")/status" 2> /dev/null || bad "a child of the hook lives on"

	run dev clean 5f:00.0 abort; rc 0; has "aborted"; logged "clean 0000:5f:00.0 step=2 aborted"
	run dev clean 5f:00.0 abort now; rc 1
	script clean '{"error": 16, "message": "0000:5f:00.0 is being cleaned by process 12 (directpath), since 3 s"}'
	rm -f "$FAKE/log"
	hook wipe 'echo ran'
	run dev clean 5f:00.0; rc 5; has "is being cleaned by process 12"; hasnt "ran"
	run dev set 5f:00.0 clean none; rc 0; logged "dev-set 0000:5f:00.0 name=(same) label=(same) reset=(same) clean="
}

test_storm() {
	host
	run dev set 5f:00.0 storm-rate 100000 storm-backoff 1s; rc 0; logged "storm 0000:5f:00.0"
	run dev check 5f:00.0; has "storm-rate 100000, storm-backoff 1000ms"
	run -j dev show 5f:00.0; json 'd["devices"][0]["storm_rate"] == 100000 and d["devices"][0]["storm_backoff_ms"] == 1000'
	rm "$FAKE/log"
	run dev set 5f:00.0 storm-backoff 1s; rc 0; has "already set"; nothing_logged
	run dev set 5f:00.0 storm-rate many; rc 1; has "storm-rate 'many' is not understood"; nothing_logged
	run dev set 5f:00.0 storm default storm-rate 100000; rc 0; logged "storm 0000:5f:00.0 default"
	run dev check 5f:00.0; has "storm-rate 100000, storm-backoff default"
	run dev set 5f:00.0 storm default; rc 0
	run dev check 5f:00.0; hasnt "storm"
	run dev set 5f:00.0; rc 1; has "storm-rate N|off"
}

test_errors() {
	host
	run dev set 5f:00.0 errors revoke; rc 0; logged "errors 0000:5f:00.0 3"
	run dev check 5f:00.0; has "errors revoke"; hasnt "uncorrectable error"
	run -j dev show 5f:00.0; json 'd["devices"][0]["errors_policy"] == "revoke" and d["devices"][0]["errors"] == 0'
	rm "$FAKE/log"
	run dev set 5f:00.0 errors revoke; rc 0; has "already set"; nothing_logged
	run dev set 5f:00.0 errors panic; rc 1; has "errors 'panic' is not understood"; nothing_logged
	run dev set 5f:00.0 errors default; rc 0; logged "errors 0000:5f:00.0 0"
	run -j dev show 5f:00.0; json 'd["devices"][0]["errors_policy"] is None'
	run dev set 5f:00.0; rc 1; has "errors none|notify|revoke|default"
	run vm add t5 errors none; rc 0; logged "errors t5 1"
	run vm show t5; has "errors none"
	run -j vm show t5; json 'd["vms"][0]["errors_policy"] == "none"'
	rm "$FAKE/log"
	run vm set t5 errors none; rc 0; has "already set"; nothing_logged
	run vm set t5 errors off; rc 1; has "errors 'off' is not understood"; nothing_logged
	run vm set t5 errors notify; rc 0; logged "errors t5 2"
	run vm set t5 errors default; rc 0; logged "errors t5 0"
	run vm show t5; has "errors default"
}

test_faults() {
	host
	run dev set 5f:00.0 faults 12; rc 0; logged "faults 0000:5f:00.0 12"
	run dev check 5f:00.0; has "faults 12"
	run -j dev show 5f:00.0; json 'd["devices"][0]["fault_limit"] == 12'
	rm "$FAKE/log"
	run dev set 5f:00.0 faults 12; rc 0; has "already set"; nothing_logged
	run dev set 5f:00.0 faults 0; rc 1; has "faults '0' is not understood"; nothing_logged
	run dev set 5f:00.0 faults 4294967295; rc 1; has "is not understood"; nothing_logged
	run dev set 5f:00.0 faults off; rc 0; logged "faults 0000:5f:00.0 0"
	run dev check 5f:00.0; has "faults off"
	run dev set 5f:00.0 faults default; rc 0; logged "faults 0000:5f:00.0 4294967295"
	run -j dev show 5f:00.0; json 'd["devices"][0]["fault_limit"] is None'
	rm "$FAKE/log"
	run dev set 5f:00.0 faults default; rc 0; has "already set"; nothing_logged
	run vm add t6 faults 3; rc 0; logged "faults t6 3"
	run vm show t6; has "faults 3"
	run vm set t6 faults many; rc 1; has "faults 'many' is not understood"
	run vm set t6 faults default; rc 0; logged "faults t6 0"
	run vm show t6; has "faults off"
	rm "$FAKE/log"
	run vm set t6 faults off; rc 0; has "already set"; nothing_logged
	run vm set t6 fault 3; rc 1; has "faults N|off|default"
}

test_vm() {
	host
	run vm show; rc 0; has "train1"; has "1000:1000"
	run -j vm show; rc 0; json 'd["vms"][0]["name"] == "train1" and d["vms"][0]["max_pinned"] is None'
	run vm show none; rc 3
	run -j vm show none; rc 3; json 'd["vms"] == [] and d["error"]["kind"] == "not-found"'
	run vm add t2 uid 1000 max-pin 300G max-devs 2; rc 0; logged "vm-new t2"
	run vm show t2; has "0/2"; has "0/300G"
	rm "$FAKE/log"
	run vm add t2 uid 1000 max-pin 300G; rc 0; has "already added"; nothing_logged
	run vm add t2 max-pin 200G; rc 2; has "vm set"; nothing_logged
	run vm set t2 max-pin 300G; rc 0; has "already set"; nothing_logged
	run vm set t2 max-pin none; rc 0; logged "vm-set t2"
	run vm set t3 uid 0; rc 3
	# CPUs in one way to write them
	run vm set t2 cpus 8,0-1,2,3; rc 0; logged "vm-set t2"
	run vm show t2; rc 0; has "cpus 0-3,8"
	run -j vm show t2; rc 0; json 'd["vms"][0]["cpus"] == "0-3,8"'
	rm "$FAKE/log"
	run vm set t2 cpus 0,1,2-3,8; rc 0; has "already set"; nothing_logged
	run vm set t2 cpus 3-1; rc 1; has "cpus '3-1' is not understood"; nothing_logged
	run vm set t2 cpus 0,x; rc 1; has "cpus '0,x' is not understood"
	run vm set t2 cpus 0,; rc 1
	run vm set t2 cpus ""; rc 1
	run vm set t2 cpus 8192; rc 1; nothing_logged
	run vm set t2 cpus any; rc 0; logged "vm-set t2"
	run vm show t2; rc 0; has "cpus any"
	run -j vm show t2; rc 0; json 'd["vms"][0]["cpus"] is None'
	rm "$FAKE/log"
	run vm set t2 cpus any; rc 0; has "already set"; nothing_logged
	run vm add t4 cpus 1; rc 0; logged "vm-new t4"
	rm "$FAKE/log"
	run vm add t4 cpus 1; rc 0; has "already added"; nothing_logged
	# the storm guard
	run vm show t2; has "storm-rate default, storm-backoff default"
	run vm set t2 storm-rate 5000; rc 0; logged "storm t2"
	rm "$FAKE/log"
	run vm set t2 storm-rate 5000; rc 0; has "already set"; nothing_logged
	run vm set t2 storm-rate off storm-backoff 20ms; rc 0; logged "storm t2"
	run vm show t2; has "storm-rate off, storm-backoff 20ms"
	run -j vm show t2; json 'd["vms"][0]["storm_rate"] == 0 and d["vms"][0]["storm_backoff_ms"] == 20'
	rm "$FAKE/log"
	run vm set t2 storm-rate 0; rc 1; has "storm-rate '0' is not understood"; nothing_logged
	run vm set t2 storm-backoff x; rc 1; nothing_logged
	run vm set t2 storm on; rc 1; has "storm 'on' is not understood"; nothing_logged
	run vm set t2 storm default; rc 0; logged "storm t2 default"
	rm "$FAKE/log"
	run vm set t2 storm default; rc 0; has "already set"; nothing_logged
	run -j vm show t2; json 'd["vms"][0]["storm_rate"] is None'
	run --dry-run vm add t3; rc 0; has "plan: add t3"
	run vm attach train1 gpu0; rc 2; has "not claimed"; has "dev claim"
	run vm attach none gpu0; rc 3
	run dev claim 3b:00 5f:00.0; rc 0; rm "$FAKE/log"
	run --dry-run vm attach train1 gpu0; rc 0; has "plan: attach 0000:3b:00.0, 0000:3b:00.1 to train1"; nothing_logged
	run vm attach train1 gpu0; rc 0; logged "attach train1 0000:3b:00.0"; logged "attach train1 0000:3b:00.1"
	run vm attach train1 3b:00; rc 0; has "already attached"
	run vm attach t2 gpu0; rc 5; has "VM train1 has it"
	run dev show gpu0; has "vm:train1"; has "reserved"
	run vm detach train1 5f:00.0; rc 0; has "already detached"
	run vm detach train1 gpu0 now; rc 0; logged "detach train1 0000:3b:00.0 now"
	run vm del t2; rc 0; logged "vm-del t2"
	run vm del t2; rc 0; has "already removed"
}

test_host_commands() {
	host
	run host; rc 0; has "intel-iommu"; has "33 of 4096, 2 connected to KVM"; has "off: the driver says so"
	run -j host show; rc 0; json 'd["host"]["posted"] == "off" and d["host"]["posted_source"] == "the driver says so"'
	run -j host show; rc 0; json 'd["host"]["vectors_bypassed"] == 2'
	run -j host show; rc 0; json 'd["host"]["intremap"] is True and d["host"]["reset_deadline_ms"] == 60000'
	run host check; rc 0; has "ok    iommu"
	run host set adhoc on; rc 0; logged "host-set 0=1"
	run host set adhoc on; rc 0; has "already"
	run host set reset-deadline 90 revoke-deadline 500ms; rc 0; logged "host-set 4=90000"; logged "host-set 5=500"
	python3 - "$FAKE/kernel.json" << 'END'
import json, sys
k = json.load(open(sys.argv[1]))
k["host"] = {"intremap": False}
json.dump(k, open(sys.argv[1], "w"))
END
	run host check; rc 4; has "bad   iommu"; has "intel_iommu=on"
	run -j host check; rc 4; json '[c["check"] for c in d["checks"] if c["level"] == "bad"] == ["iommu", "intremap"]'
}

test_stats() {
	host
	run stats; rc 0; has "918273"; has "256G"; has "msix 2 irq 42 count 918270"; hasnt "918270 storms"
	has "msix 1 irq 41 count 2 storms 3 (held back)"; has "STORMS"
	has "0000:3b:00.0 config 0x108 (AER) writes 3 denied 2 bits 0x00100000: errors are the host's"; hasnt "config 0x004"
	run stats gpu0; rc 0; has "918273"; hasnt "256G"
	run stats train1; rc 0; has "256G"; hasnt "918273"
	run stats 5f:00.0; rc 3; has "never claimed"
	run -j stats; rc 0; json 'd["stats"][0]["interrupts"] == 918273 and d["stats"][0]["vectors"][2]["count"] == 918270'
	json 'd["stats"][0]["errors_nonfatal"] == 4 and d["stats"][0]["errors_fatal"] == 1 and d["stats"][0]["errors_correctable"] is None'
	json 'd["stats"][0]["errors_policy"] == "revoke" and d["stats"][0]["errors_iommu"] == 6 and d["stats"][0]["fault_limit"] == 20'
	json 'd["stats"][0]["storms"] == 3 and d["stats"][0]["storm_rate"] == 5000 and d["stats"][0]["storm_backoff_ms"] == 20'
	json 'd["stats"][0]["vectors"][1]["held"] and d["stats"][0]["vectors"][1]["storms"] == 3 and not d["stats"][0]["vectors"][0]["held"]'
	json 'd["stats"][1]["dma_mapped_bytes"] == 274877906944'
	json 'd["stats"][0]["config_registers"][0] == {"offset": 4, "where": "header", "writes": 7, "denied": 0, "denied_bits": 0, "why": None}'
	run stats prom; rc 0
	has 'directpath_device_info{bdf="0000:3b:00.0",name="gpu0",vm="",label="a100",grade="A",state="host"} 1'
	has 'directpath_irq_total{bdf="0000:3b:00.0",kind="msix",vector="2"} 918270'
	has 'directpath_dma_mapped_bytes{vm="train1"} 274877906944'
	has 'directpath_storms_total{bdf="0000:3b:00.0"} 3'
	has 'directpath_errors_nonfatal_total{bdf="0000:3b:00.0"} 4'; hasnt 'directpath_errors_correctable_total{'
	has 'directpath_config_denied_total{bdf="0000:3b:00.0"} 2'
	has 'directpath_config_register_denied_total{bdf="0000:3b:00.0",offset="0x108",where="AER"} 2'
	hasnt 'offset="0x004"'
}

test_monitor() {
	host
	python3 - "$FAKE/kernel.json" << 'END'
import json, sys
k = json.load(open(sys.argv[1]))
k["events"] = [
    {"event": "dev", "bdf": "0000:3b:00.0", "state": "draining", "prev_state": "running", "vm": "train1", "cause": "vmm-exit", "seq": 4712},
    {"event": "vm", "name": "train1", "seq": 4713, "cause": "two words"},
    {"event": "op", "bdf": "0000:3b:00.0"},
    {"event": "error", "bdf": "0000:3b:00.0", "vm": "train1", "kind": 1, "count": 7, "status": 16384, "action": 2},
    {"event": "error", "bdf": "0000:5f:00.0", "kind": 0, "count": 2},
    {"event": "error", "bdf": "0000:3b:00.0", "vm": "train1", "kind": 3, "count": 9, "iova": 20480, "write": True, "action": 3},
    {"event": "lost"},
]
json.dump(k, open(sys.argv[1], "w"))
END
	run monitor; rc 0; has "seq=4712 dev 0000:3b:00.0 state running->draining vm=train1 cause=vmm-exit"; has 'vm train1 off devices=0 cause="two words"'
	has "op 12 claim 0000:3b:00.0 done in 34 ms"; has "events lost"
	has "fault 0000:3b:00.0 vm=train1 aer-nonfatal count=7 status=0x00004000 action=notify"; has "fault 0000:5f:00.0 aer-correctable count=2"; hasnt "count=2 "
	has "fault 0000:3b:00.0 vm=train1 iommu count=9 write iova=0x5000 action=revoke"
	run monitor vm; rc 0; hasnt "dev 0000"; has "vm train1"; hasnt "aer-"
	run monitor fault; rc 0; has "aer-nonfatal"; hasnt "running->"
	run -j monitor fault; rc 0
	checks=$((checks + 1))
	head -1 "$FAKE/out" | python3 -c 'import json,sys; d=json.load(sys.stdin)["fault"]; assert d["kind"]=="aer-nonfatal" and d["action"]=="notify" and d["status"]==16384' ||
		bad "no fault in JSON"
	run -j monitor dev; rc 0
	checks=$((checks + 1))
	head -1 "$FAKE/out" | python3 -c 'import json,sys; d=json.load(sys.stdin); assert d["schema"]==1 and d["dev"]["prev_state"]=="running" and d["event"]=="dev"' ||
		bad "no JSON line"
}

test_batch() {
	host
	cat > "$FAKE/batch" << 'END'
# three commands
vm add 'b1' uid 1000
   --dry-run vm add b2   # a plan

vm add b3
END
	run -b "$FAKE/batch"; rc 0; logged "vm-new b1"; logged "vm-new b3"; has "plan: add b2"
	printf 'vm nonsense\nvm add b4\n' > "$FAKE/batch"
	run -b "$FAKE/batch"; rc 1; has "line 1 failed"
	run vm show b4; rc 3
	run -k -b "$FAKE/batch"; rc 6
	run vm show b4; rc 0
	printf 'vm add "b5\n' > "$FAKE/batch"
	run -b "$FAKE/batch"; rc 1; has "quote"
	echo 'vm show b4' | "$DIRECTPATH_TEST" -j -b - > "$FAKE/out" 2> "$FAKE/err"; RC=$?; OUT=; ERR=; rc 0; json 'd["vms"][0]["name"] == "b4"'
}

# Hostile trees: loops and junk end, and say nothing wrong.
test_hostile() {
	host
	stack md0 9:0 nvme1n1p1
	stack md1 9:1 md0
	ln -s "$ROOT/sys/devices/virtual/block/md1" "$ROOT/sys/devices/virtual/block/md0/slaves/md1"
	upper br0 ens3f0
	ln -s "$ROOT/sys/devices/virtual/net/br0" "$ROOT/sys/devices/virtual/net/br0/lower_br0"
	route br0 00000000 00000000
	printf 'junk\n36 35 - - -\n36 35 259:4\n - \n36 35 259:99 / / rw - ext4 x rw\n' >> "$ROOT/proc/self/mountinfo"
	printf '/dev/x\n/\\777 file\n' >> "$ROOT/proc/swaps"
	printf 'x\ny y y\n' >> "$ROOT/proc/net/route"
	printf 'zz zz\n' >> "$ROOT/proc/net/ipv6_route"
	head -c 5000 /dev/zero | tr '\0' a > "$ROOT/run/udev/data/b259:4"
	run dev show; rc 0
	run dev check 5f:00.0; rc 4; has "raid-member"
	run dev check 86:00.0; rc 4; has "mgmt-nic"
}

# offered WORD..: what bash offers for the last word
offered() {
	# shellcheck disable=SC2016
	OUT=$(PATH="$FAKE/bin:$PATH" bash -c '. "$1/../directpath.bash"; shift; COMP_WORDS=(directpath "$@"); COMP_CWORD=$#; _directpath 2> /dev/null
		echo " ${COMPREPLY[*]} "' bash "$here" "$@")
	ERR=
}

test_completion() {
	command -v bash > /dev/null || return 0
	host
	mkdir -p "$FAKE/bin"
	ln -sf "$DIRECTPATH_TEST" "$FAKE/bin/directpath"
	offered ""; has " host dev vm stats monitor help "
	offered dev cl; has " claim "
	offered dev claim ""; has " 0000:3b:00.0 "; has " gpu0 "; has " label:a100 "
	offered --dry-run dev claim --force=mgmt-nic,con; has " --force=mgmt-nic,console-gpu "
	offered vm attach tr; has " train1 "
	offered vm attach train1 gp; has " gpu0 "
	rm "$FAKE/kernel.json"
	offered dev claim 0; has "  "
}

# The manual names every word that the tool knows.
test_manual() {
	OUT=
	ERR=
	RC=0
	for word in $(sed -n 's/^\t\[DIRECTPATH_[A-Z0-9_]*\] = "\([a-z-]*\)",$/\1/p' "$here/../names.c" | grep -vxE 'claim|release|reset|recover|accept|clean|attach|detach|unknown|on|off|intx|msi|msix|err|req|-'); do
		checks=$((checks + 1))
		grep -qw -- "$word" "$here/../directpath.8" || bad "directpath.8 does not say $word"
	done
	for word in host dev vm stats monitor show check set release-all claim release reset recover accept clean add del attach detach; do
		checks=$((checks + 1))
		grep -qw -- "$word" "$here/../directpath.8" || bad "directpath.8 does not say $word"
	done
	command -v man > /dev/null || return 0
	checks=$((checks + 1))
	OUT=$(MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$here/../directpath.8" 2>&1 > /dev/null)
	[ -z "$OUT" ] || bad "directpath.8 has warnings"
}

tests=${*:-usage show disks net console claim release reset accept clean storm errors faults set vm host_commands stats monitor batch hostile completion manual}
for current in $tests; do
	"test_$current"
done
echo "run.sh: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
