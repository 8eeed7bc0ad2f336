#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Make the C files that come from Documentation/netlink/specs/directpath.yaml, or check that they are what the spec says.
#
#	tools/ynl-regen.sh [--check] KSRC
#
# KSRC is a kernel source tree of 6.12 (tools/net/ynl and Documentation/netlink are used; needs python3 with yaml and jsonschema). The
# generator looks for a kernel tree around the spec, so it gets one: a directory with a MAINTAINERS file, the schemas and our spec.

set -eu

usage() {
	echo "usage: $0 [--check] KSRC" >&2
	exit 1
}

check=
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
[ $# -eq 1 ] || usage

top=$(cd "$(dirname "$0")/.." && pwd)
gen=$1/tools/net/ynl/ynl-gen-c.py
spec=Documentation/netlink/specs/directpath.yaml

if [ ! -f "$gen" ]; then
	echo "$0: no $gen: KSRC must be a kernel source tree with tools/net/ynl" >&2
	exit 1
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM
mkdir -p "$tmp/Documentation/netlink/specs" "$tmp/kmod/generated" "$tmp/uapi/linux"
touch "$tmp/MAINTAINERS"
cp "$1"/Documentation/netlink/*.yaml "$tmp/Documentation/netlink/"
cp "$top/$spec" "$tmp/$spec"

run() {
	python3 "$gen" --spec "$tmp/$spec" --mode "$1" "$2" -o "$tmp/$3"
}

cd "$tmp"
run uapi --header uapi/linux/directpath_nl.h
run kernel --header kmod/generated/netlink.h
run kernel --source kmod/generated/netlink.c

# With a policy per operation the family is not generated, and the table of its multicast groups would be static and unused: netlink.c has it.
sed -i '/^static const struct genl_multicast_group /,/^};/d' kmod/generated/netlink.c
sed -i -e :a -e '/^\n*$/{$d;N;ba' -e '}' kmod/generated/netlink.c

ret=0
for f in uapi/linux/directpath_nl.h kmod/generated/netlink.h kmod/generated/netlink.c; do
	if [ ! -s "$tmp/$f" ]; then
		echo "$0: the generator made no $f" >&2
		exit 1
	fi
	if cmp -s "$tmp/$f" "$top/$f"; then
		continue
	fi
	if [ -n "$check" ]; then
		echo "$f is not what $spec says; run tools/ynl-regen.sh" >&2
		diff -u "$top/$f" "$tmp/$f" >&2 || true
		ret=1
	else
		mkdir -p "$top/$(dirname "$f")"
		cp "$tmp/$f" "$top/$f"
		echo "$f"
	fi
done
exit $ret
