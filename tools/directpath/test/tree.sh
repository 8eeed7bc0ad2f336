# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Fake /sys, /proc and /run for the tests: functions that build them below $ROOT. Sourced by run.sh.

# fresh: an empty tree with nothing in use
fresh() {
	rm -rf "$ROOT" "$FAKE/log"
	mkdir -p "$ROOT/proc/net" "$ROOT/proc/self" "$ROOT/proc/1" "$ROOT/run/udev/data" "$ROOT/sys/block" "$ROOT/sys/class/block" \
		"$ROOT/sys/class/net" "$ROOT/sys/class/nvme" "$ROOT/sys/class/graphics" "$ROOT/sys/class/drm" "$ROOT/sys/bus/pci/devices" \
		"$ROOT/sys/dev/block" "$ROOT/sys/devices/virtual/block" "$ROOT/sys/devices/virtual/net" "$ROOT/sys/fs" "$ROOT/sys/module"
	: > "$ROOT/proc/self/mountinfo"
	echo "Filename Type Size Used Priority" > "$ROOT/proc/swaps"
	echo "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT" > "$ROOT/proc/net/route"
	: > "$ROOT/proc/net/ipv6_route"
	unset SSH_CONNECTION SSH_CLIENT
}

# pci PATH: a function below /sys/devices, e.g. pci0000:3a/0000:3a:02.0/0000:3b:00.0
pci() {
	mkdir -p "$ROOT/sys/devices/$1"
	ln -sfn "$ROOT/sys/devices/$1" "$ROOT/sys/bus/pci/devices/${1##*/}"
}

# blockdev NAME DIRECTORY NUMBER: register a disk or partition
blockdev() {
	mkdir -p "$2/holders"
	echo "$3" > "$2/dev"
	ln -sfn "$2" "$ROOT/sys/class/block/$1"
	ln -sfn "$2" "$ROOT/sys/dev/block/$3"
}

# disk NAME PATH NUMBER: a disk below a function
disk() {
	blockdev "$1" "$ROOT/sys/devices/$2/block/$1" "$3"
	ln -sfn "$ROOT/sys/devices/$2/block/$1" "$ROOT/sys/block/$1"
}

# part NAME DISK NUMBER
part() {
	dir=$(readlink "$ROOT/sys/class/block/$2")/$1
	blockdev "$1" "$dir" "$3"
	echo 1 > "$dir/partition"
}

# stack NAME NUMBER SLAVE..: md, dm, bcache
stack() {
	name=$1
	dir=$ROOT/sys/devices/virtual/block/$name
	blockdev "$name" "$dir" "$2"
	ln -sfn "$dir" "$ROOT/sys/block/$name"
	mkdir -p "$dir/slaves"
	shift 2
	for slave; do
		ln -sfn "$(readlink "$ROOT/sys/class/block/$slave")" "$dir/slaves/$slave"
		ln -sfn "$dir" "$(readlink "$ROOT/sys/class/block/$slave")/holders/$name"
	done
}

# mounted NUMBER POINT TYPE SOURCE
mounted() {
	printf '36 35 %s / %s rw,noatime shared:1 - %s %s rw\n' "$@" >> "$ROOT/proc/self/mountinfo"
}

swap() {
	printf '%s\t%s\t1000\t0\t-2\n' "$1" "$2" >> "$ROOT/proc/swaps"
}

# nic NAME PATH
nic() {
	mkdir -p "$ROOT/sys/devices/$2/net/$1"
	ln -sfn "$ROOT/sys/devices/$2" "$ROOT/sys/devices/$2/net/$1/device"
	ln -sfn "$ROOT/sys/devices/$2/net/$1" "$ROOT/sys/class/net/$1"
}

# upper NAME LOWER..: bridge, bond, VLAN
upper() {
	name=$1
	dir=$ROOT/sys/devices/virtual/net/$name
	mkdir -p "$dir"
	ln -sfn "$dir" "$ROOT/sys/class/net/$name"
	shift
	for lower; do
		ln -sfn "$(readlink "$ROOT/sys/class/net/$lower")" "$dir/lower_$lower"
		ln -sfn "$dir" "$ROOT/sys/class/net/$lower/upper_$name"
	done
}

# route IFACE DESTINATION MASK (hexadecimal, as the kernel prints them)
route() {
	printf '%s\t%s\t00000000\t0003\t0\t0\t100\t%s\t0\t0\t0\n' "$1" "$2" "$3" >> "$ROOT/proc/net/route"
}

# route6 IFACE DESTINATION PREFIX (32 and 2 hexadecimal digits)
route6() {
	printf '%s %s %032d 00 %032d 00000400 00000001 00000000 00000003 %8s\n' "$2" "$3" 0 0 "$1" >> "$ROOT/proc/net/ipv6_route"
}

# udev NUMBER KEY=VALUE..
udev() {
	file=$ROOT/run/udev/data/b$1
	shift
	: > "$file"
	for property; do
		echo "E:$property" >> "$file"
	done
}
