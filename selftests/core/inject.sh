#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# inject.sh [SUBJECT...]: the programs inject_SUBJECT_test, all by default, and which calls of the modules they made fail: the kernel logs a stack for each
# failure, and inject_sites.py holds these against the calls of allocators in the modules that were built. The log is kept from the console, whose readers
# would take the stacks for complaints, and is searched for real ones here.
set -u

here=$(cd "$(dirname "$0")" && pwd)
kmod=/dp/build/$(uname -r)/kmod
quiet=/sys/module/printk/parameters/ignore_loglevel
tmp=$(mktemp -d)

if [ ! -d /sys/kernel/debug/failslab ]; then
	echo "1..0 # SKIP this kernel cannot fail on request (CONFIG_FAULT_INJECTION)"
	exit 4
fi

# A panic prints what the console has not seen.
old_quiet=$(cat $quiet)
old_print=$(cat /proc/sys/kernel/panic_print)
echo 32 >/proc/sys/kernel/panic_print
echo N >$quiet
dmesg -n 1
# Record by record, so that none waits in a buffer; from the oldest one, and again if the log has overrun the reader.
(
	trap 'kill $!; exit' TERM
	while :; do
		cat /dev/kmsg &
		wait $!
	done
) >"$tmp/log" 2>/dev/null &
reader=$!

if [ $# -gt 0 ]; then
	programs=("${@/#/$here/inject_}")
	programs=("${programs[@]/%/_test}")
else
	programs=("$here"/inject_*_test)
fi
ret=0
for program in "${programs[@]}"; do
	echo "# ${program##*/}"
	"$program" || ret=1
done

sleep 1
kill $reader
wait $reader 2>/dev/null
dmesg -n 7
echo "$old_quiet" >$quiet
echo "$old_print" >/proc/sys/kernel/panic_print

if grep -nE 'BUG:|WARNING:|possible (circular|recursive) locking|UBSAN:|suspicious RCU|INFO: task|ODEBUG:|refcount_t:|inconsistent lock state' "$tmp/log"; then
	echo "not ok the kernel complained"
	ret=1
fi
# Some programs do not reach all.
if [ $# -gt 0 ]; then
	export DP_ROUNDS=1
fi
"$here/inject_sites.py" "$tmp/log" "$here/inject.unreachable" "$kmod/directpath.ko" "$kmod/vfio/vfio.ko" "$kmod/vfio/vfio-pci.ko" || ret=1
rm -rf "$tmp"
exit $ret
