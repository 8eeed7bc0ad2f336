# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# bash completion for directpath(8). Addresses, names and VMs are asked of the kernel by `directpath -j'; without the module there are none.

# Values of a key in the JSON that a command prints.
_directpath_values()
{
	local key=$1

	shift
	directpath -j "$@" 2> /dev/null | grep -o "\"$key\":\"[^\"]*\"" | cut -d '"' -f 4 | sort -u
}

_directpath_selectors()
{
	_directpath_values bdf dev show
	_directpath_values name dev show
	_directpath_values label dev show | sed 's/^/label:/'
	echo class:nvme class:eth class:gpu class:audio class:usb
}

_directpath_vms()
{
	_directpath_values name vm show
}

_directpath_reasons()
{
	echo acs-missing bar-bootfb caller-session console-gpu driver-busy mgmt-nic netdev-up raid-member vf-parent-off vfs-enabled
}

_directpath_hooks()
{
	local hook

	for hook in /etc/directpath/clean.d/* /usr/libexec/directpath/clean.d/* /usr/local/libexec/directpath/clean.d/*; do
		[ ! -x "$hook" ] || echo "${hook##*/}"
	done
	echo none
}

# What can follow the words of the command so far (without options).
_directpath_words()
{
	local object=$1 verb=$2 prev=$3

	case $prev in
	state) echo host claiming ready reserved running draining resetting dirty quarantined failed gone; return ;;
	verdict) echo ok ok-set risky blocked; return ;;
	driver) echo none; return ;;
	clean) [ "$verb" = set ] && { _directpath_hooks; return; } ;;
	reset) [ "$verb" = set ] && { echo flr bus pm af slot acpi device-specific none default; return; } ;;
	adhoc | unsafe-interrupts) echo on off; return ;;
	uid) compgen -u; return ;;
	gid) compgen -g; return ;;
	max-devs | max-vectors | max-pin) echo none; return ;;
	storm) echo default; return ;;
	errors) echo none notify revoke default; return ;;
	faults) echo off default; return ;;
	storm-rate) echo off; return ;;
	cpus) echo any; cat /sys/devices/system/cpu/online 2>/dev/null; return ;;
	name | label | uuid | every | vector-budget | storm-backoff | *-deadline) return ;;
	esac
	case $object/$verb in
	/) echo host dev vm stats monitor help ;;
	help/*) echo host dev vm stats monitor ;;
	host/) echo show check set release-all help ;;
	host/set) echo adhoc unsafe-interrupts vector-budget unbind-deadline reset-deadline revoke-deadline ;;
	dev/) echo show check claim release set reset recover accept clean help ;;
	dev/show) _directpath_selectors; echo state verdict all ;;
	dev/claim) _directpath_selectors; echo set ;;
	dev/release) _directpath_selectors; echo driver ;;
	dev/set) _directpath_selectors; echo name label reset clean errors faults storm storm-rate storm-backoff ;;
	dev/clean) _directpath_selectors; echo abort ;;
	dev/*) _directpath_selectors ;;
	vm/) echo show add set del attach detach help ;;
	vm/add) echo uuid uid gid max-devs max-vectors max-pin cpus errors faults storm storm-rate storm-backoff ;;
	vm/attach | vm/detach)
		if [ "$prev" = "$verb" ]; then
			_directpath_vms
		else
			_directpath_selectors
			[ "$verb" = attach ] || echo now
		fi
		;;
	vm/set) if [ "$prev" = set ]; then _directpath_vms; else echo uid gid max-devs max-vectors max-pin cpus errors faults storm storm-rate storm-backoff; fi ;;
	vm/*) _directpath_vms ;;
	stats/*) _directpath_selectors; _directpath_vms; echo every prom ;;
	monitor/*) echo dev vm fault all ;;
	esac
}

_directpath()
{
	local cur prev words cword word object='' verb='' i

	# Addresses have colons, at which bash would split words.
	if declare -F _get_comp_words_by_ref > /dev/null; then
		_get_comp_words_by_ref -n := cur prev words cword
	else
		words=("${COMP_WORDS[@]}")
		cword=$COMP_CWORD
		cur=${words[cword]}
		prev=${words[cword - 1]}
	fi
	COMPREPLY=()
	case $cur in
	--force=*)
		word=${cur#--force=}
		mapfile -t COMPREPLY < <(compgen -P "${cur%"${word##*,}"}" -W "$(_directpath_reasons)" -- "${word##*,}")
		compopt -o nospace
		return
		;;
	-*)
		mapfile -t COMPREPLY < <(compgen -W '-j --json -p --pretty --dry-run --force= -w --wait= -b --batch= -k --keep-going -ts -V -h' -- "$cur")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
		return
		;;
	esac
	case $prev in
	-b | --batch) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-w | --wait) return ;;
	esac
	for ((i = 1; i < cword; i++)); do
		word=${words[i]}
		case $word in
		-b | -w | --batch | --wait) i=$((i + 1)) ;;
		-*) ;;
		*) if [ -z "$object" ]; then object=$word; elif [ -z "$verb" ]; then verb=$word; fi ;;
		esac
	done
	mapfile -t COMPREPLY < <(compgen -W "$(_directpath_words "$object" "$verb" "$prev")" -- "$cur")
	if declare -F __ltrim_colon_completions > /dev/null; then
		__ltrim_colon_completions "$cur"
	fi
}

complete -F _directpath directpath
