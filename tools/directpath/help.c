// SPDX-License-Identifier: GPL-2.0
/*
 * Usage texts. They need no module.
 */

#include <stddef.h>

#include "cmd.h"
#include "help.h"
#include "model.h"

static const char all_text[] =
	"directpath [OPTIONS] OBJECT VERB ...        (alone: directpath dev show)\n"
	"\n"
	"  host    show | check | set | release-all\n"
	"  dev     show | check | claim | release | set | reset | recover | accept | clean\n"
	"  vm      show | add | set | del | attach | detach\n"
	"  stats   [SELECTOR.. | VM] [every SECS] [prom]\n"
	"  monitor [dev] [vm] [fault] [all]\n"
	"  help    [OBJECT]\n"
	"\n"
	"  -j, --json            JSON: {\"schema\":1, ...}          -p, --pretty   indented\n"
	"      --dry-run         check everything, change nothing\n"
	"      --force=REASON,.. override exactly these reasons\n"
	"  -w, --wait SECS       wait so long for an operation (60); 0 does not wait\n"
	"  -b, --batch FILE      commands from a file, - is stdin -k, --keep-going\n"
	"  -ts, --timestamp      monitor: dates, too\n"
	"  -V, --version         -h, --help\n"
	"\n"
	"  SELECTOR  0000:3b:00.0 | 3b:00 (all functions of the slot) | id:10de:2330 | class:nvme | label:x | name:x | set:12 | if:ens3 | blk:nvme0n1\n"
	"\n"
	"Objects and verbs may be abbreviated. Doing again what is done already is no error.\n"
	"Exit status: 0 done, 1 usage, 2 kernel error, 3 not found, 4 refused (reasons printed), 5 busy or time-out, 6 partial.\n";

static const char host_text[] =
	"directpath host show\n"
	"directpath host check                       is this machine fit for passthrough?\n"
	"directpath host set [adhoc on|off] [unsafe-interrupts on|off] [vector-budget N]\n"
	"                    [unbind-deadline SECS] [reset-deadline SECS] [revoke-deadline SECS]\n"
	"directpath host release-all                 give every function back to the host\n";

static const char dev_text[] =
	"directpath dev show [SELECTOR..] [state STATE] [verdict VERDICT] [all]\n"
	"directpath dev check SELECTOR..             every reason that speaks against it, and what leads out\n"
	"directpath dev claim SELECTOR.. [set]       take it from the host; set: with its whole isolation set\n"
	"directpath dev release SELECTOR.. [driver none]\n"
	"directpath dev set SELECTOR.. [name NAME] [label LABEL] [reset METHOD,..|none|default] [clean HOOK|none]\n"
	"          [errors none|notify|revoke|default] [faults N|off|default] [storm-rate N|off] [storm-backoff TIME] [storm default]\n"
	"directpath dev reset SELECTOR..\n"
	"directpath dev recover SELECTOR..           reset and verify again what is quarantined or failed\n"
	"directpath dev accept SELECTOR..            what it shows now is as it should be (identity-mismatch)\n"
	"directpath dev clean SELECTOR.. [abort]     run the cleaning hook of what is dirty; abort: of one whose hook has died\n"
	"\n"
	"STATE    host claiming ready reserved running draining resetting dirty quarantined failed gone\n"
	"VERDICT  ok ok-set risky blocked\n"
	"METHOD   device-specific acpi flr af pm bus slot\n"
	"An empty NAME or LABEL ('') clears. `all' shows bridges and other parts of the platform, too.\n";

static const char vm_text[] =
	"directpath vm show [VM]\n"
	"directpath vm add VM [uuid UUID] [uid USER] [gid GROUP] [max-devs N] [max-vectors N] [max-pin SIZE] [cpus LIST]\n"
	"directpath vm set VM [uid USER] [gid GROUP] [max-devs N] [max-vectors N] [max-pin SIZE] [cpus LIST]\n"
	"          [errors none|notify|revoke|default] [faults N|off|default] [storm-rate N|off] [storm-backoff TIME] [storm default]\n"
	"directpath vm del VM\n"
	"directpath vm attach VM SELECTOR..          functions must be claimed; their isolation sets go with them\n"
	"directpath vm detach VM SELECTOR.. [now]    now: do not ask the VMM first\n"
	"\n"
	"SIZE is in bytes, or with K, M, G or T; none is no limit.\n"
	"LIST, as 0-3,8, are the CPUs that take the interrupts of the VM's functions; any leaves it to the kernel.\n"
	"A vector with more than N interrupts a second is held back for TIME first, and longer while that goes on.\n";

static const char stats_text[] =
	"directpath stats [SELECTOR.. | VM] [every SECS] [prom]\n"
	"\n"
	"every SECS repeats, as rates from the second round on; prom is the Prometheus text format.\n";

static const char monitor_text[] =
	"directpath monitor [dev] [vm] [fault] [all] [-ts]\n"
	"\n"
	"One event a line, JSON lines with -j. `all', the default, has the ends of operations and changed settings, too.\n"
	"DMA faults are read from the kernel log (needs the right to read /dev/kmsg).\n";

const char *help_text(const char *object)
{
	static const struct {
		const char *object;
		const char *text;
	} texts[] = {
		{ "host", host_text }, { "dev", dev_text }, { "vm", vm_text }, { "stats", stats_text }, { "monitor", monitor_text },
		{ "help", all_text }, { "all", all_text },
	};
	size_t i;

	if (!object)
		return all_text;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (abbreviates(object, texts[i].object))
			return texts[i].text;
	return NULL;
}
