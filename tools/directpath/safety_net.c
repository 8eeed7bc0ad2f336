// SPDX-License-Identifier: GPL-2.0
/*
 * Host safety, network: from default routes, bridges, bonds and the caller's ssh session down to functions.
 */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "safety.h"
#include "sysfs.h"

struct net_use {
	struct safety *safety;
	unsigned int code;
	const char *note;
	const char *fix;
	const char *name;
	const char *chain;
	unsigned int depth;
};

static void walk_net(const char *name, const char *above, unsigned int depth, const struct net_use *use);

static bool walk_lower(const char *entry, void *ctx)
{
	struct net_use *use = ctx;

	if (!strncmp(entry, "lower_", 6))
		walk_net(entry + 6, use->chain, use->depth + 1, use);
	return true;
}

/* From an interface down through bridges, bonds, VLANs to functions. */
static void walk_net(const char *name, const char *above, unsigned int depth, const struct net_use *use)
{
	char path[PATH_SIZE], chain[SAFETY_CHAIN], culprit[256];
	struct net_use here = *use;
	struct functions functions;
	unsigned int i;

	if (depth > SAFETY_DEPTH)
		return;
	snprintf(chain, sizeof(chain), "%s%s%s", name, *above ? " -> " : "", above);
	here.chain = chain;
	here.depth = depth;
	sysfs_path(path, "/sys/class/net/%s/device", name);
	snprintf(culprit, sizeof(culprit), "%s%s", chain, use->note);
	sysfs_function(path, &functions);
	for (i = 0; i < functions.nr; i++)
		safety_add(use->safety, functions.v[i], use->code, name, culprit, use->fix);
	sysfs_path(path, "/sys/class/net/%s", name);
	sysfs_each(path, walk_lower, &here);
}

struct route {
	char iface[32];
	uint8_t net[16];
	unsigned int prefix;
	bool v6;
};

struct routes {
	unsigned int nr;
	struct route *v;
};

static void add_route(struct routes *routes, const struct route *route)
{
	routes->v = xrealloc(routes->v, routes->nr + 1, sizeof(*routes->v));
	routes->v[routes->nr++] = *route;
}

#define FLAG_UP 0x1
#define FLAG_REJECT 0x200

/* Numbers are the address words in the byte order of the machine. */
static bool parse_route4(const char *line, struct route *route)
{
	unsigned int destination, flags, mask;
	uint32_t word;

	memset(route, 0, sizeof(*route));
	if (sscanf(line, "%31s %x %*x %x %*d %*d %*d %x", route->iface, &destination, &flags, &mask) != 4)
		return false;
	word = destination;
	memcpy(route->net, &word, sizeof(word));
	route->prefix = (unsigned int)__builtin_popcount(mask);
	return flags & FLAG_UP && !(flags & FLAG_REJECT);
}

static bool parse_hex_address(const char *text, uint8_t out[16])
{
	unsigned int i, byte;

	for (i = 0; i < 16; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

static bool parse_route6(const char *line, struct route *route)
{
	char net[40];
	unsigned int flags;

	memset(route, 0, sizeof(*route));
	route->v6 = true;
	if (sscanf(line, "%39s %x %*s %*x %*s %*x %*x %*x %x %31s", net, &route->prefix, &flags, route->iface) != 4)
		return false;
	return strlen(net) == 32 && parse_hex_address(net, route->net) && route->prefix <= 128 && flags & FLAG_UP && !(flags & FLAG_REJECT);
}

static void read_routes(struct routes *routes)
{
	char *text, *line, *rest;
	struct route route;

	text = sysfs_file("/proc/net/route", NULL);
	rest = text;
	while (rest && (line = strsep(&rest, "\n")))
		if (parse_route4(line, &route))
			add_route(routes, &route);
	free(text);
	text = sysfs_file("/proc/net/ipv6_route", NULL);
	rest = text;
	while (rest && (line = strsep(&rest, "\n")))
		if (parse_route6(line, &route))
			add_route(routes, &route);
	free(text);
}

static bool same_net(const uint8_t *a, const uint8_t *b, unsigned int prefix)
{
	unsigned int bytes = prefix / 8, bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - bits));

	return !memcmp(a, b, bytes) && (!bits || !((a[bytes] ^ b[bytes]) & mask));
}

static const struct route *lookup_route(const struct routes *routes, const uint8_t *address, bool v6)
{
	const struct route *best = NULL;
	unsigned int i;

	for (i = 0; i < routes->nr; i++) {
		const struct route *route = &routes->v[i];

		if (route->v6 == v6 && same_net(route->net, address, route->prefix) && (!best || route->prefix > best->prefix))
			best = route;
	}
	return best;
}

static void scan_default_routes(struct safety *safety, const struct routes *routes)
{
	const struct net_use use = { .safety = safety, .code = DIRECTPATH_REASON_MGMT_NIC, .note = " has the default route",
		.fix = "move the route to another interface first (ip route)" };
	unsigned int i;

	for (i = 0; i < routes->nr; i++)
		if (!routes->v[i].prefix && strcmp(routes->v[i].iface, "lo"))
			walk_net(routes->v[i].iface, "", 0, &use);
}

struct upper {
	char name[64];
};

static bool find_upper(const char *entry, void *ctx)
{
	struct upper *upper = ctx;

	if (strncmp(entry, "upper_", 6))
		return true;
	snprintf(upper->name, sizeof(upper->name), "%.63s", entry + 6);
	return false;
}

/* An interface that is part of something bigger serves more than itself. Those below a default route have been noted. */
static bool note_port(const char *name, void *ctx)
{
	char path[PATH_SIZE], culprit[256], fix[128];
	struct safety *safety = ctx;
	struct functions functions;
	struct upper upper = {};
	unsigned int i;

	sysfs_path(path, "/sys/class/net/%s/device", name);
	if (!sysfs_function(path, &functions))
		return true;
	sysfs_path(path, "/sys/class/net/%s", name);
	sysfs_each(path, find_upper, &upper);
	if (!upper.name[0])
		return true;
	snprintf(culprit, sizeof(culprit), "%s -> %s", name, upper.name);
	snprintf(fix, sizeof(fix), "take it out of %s first (ip link set %.16s nomaster)", upper.name, name);
	for (i = 0; i < functions.nr; i++)
		if (!safety_has(safety, functions.v[i], DIRECTPATH_REASON_MGMT_NIC, NULL))
			safety_add(safety, functions.v[i], DIRECTPATH_REASON_MGMT_NIC, name, culprit, fix);
	return true;
}

/* A variable of another process; sudo drops those of ssh from ours. */
static bool read_environ(const char *pid, const char *variable, char *buf, size_t size)
{
	size_t length, len = strlen(variable);
	char path[PATH_SIZE], *text, *p;
	bool found = false;

	sysfs_path(path, "/proc/%s/environ", pid);
	text = sysfs_file(path, &length);
	if (!text)
		return false;
	for (p = text; p < text + length && !found; p += strlen(p) + 1) {
		if (strncmp(p, variable, len) || p[len] != '=')
			continue;
		snprintf(buf, size, "%s", p + len + 1);
		found = true;
	}
	free(text);
	return found;
}

static bool read_parent(const char *pid, char *parent, size_t size)
{
	char path[PATH_SIZE], line[512];
	const char *end;
	int ppid;

	sysfs_path(path, "/proc/%s/stat", pid);
	if (!sysfs_line(path, line, sizeof(line)))
		return false;
	end = strrchr(line, ')');
	if (!end || sscanf(end + 1, " %*c %d", &ppid) != 1 || ppid <= 1)
		return false;
	snprintf(parent, size, "%d", ppid);
	return true;
}

static bool find_session(char *buf, size_t size)
{
	static const char *const variables[] = { "SSH_CONNECTION", "SSH_CLIENT" };
	char pid[16] = "self";
	unsigned int i, depth;

	for (i = 0; i < 2; i++) {
		const char *value = getenv(variables[i]);

		if (value && *value) {
			snprintf(buf, size, "%s", value);
			return true;
		}
	}
	for (depth = 0; depth < 2 * SAFETY_DEPTH && read_parent(pid, pid, sizeof(pid)); depth++)
		for (i = 0; i < 2; i++)
			if (read_environ(pid, variables[i], buf, size) && *buf)
				return true;
	return false;
}

/* "fe80::1%ens3" names the interface. */
static bool parse_ip(const char *text, uint8_t out[16], bool *v6, char *scope, size_t size)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char address[64], *percent;

	memset(out, 0, 16);
	snprintf(address, sizeof(address), "%s", text);
	percent = strchr(address, '%');
	snprintf(scope, size, "%s", percent ? percent + 1 : "");
	if (percent)
		*percent = '\0';
	*v6 = false;
	if (inet_pton(AF_INET, address, out) == 1)
		return true;
	*v6 = true;
	if (inet_pton(AF_INET6, address, out) != 1)
		return false;
	if (memcmp(out, mapped, sizeof(mapped)))
		return true;
	*v6 = false;
	memmove(out, out + 12, 4);
	return true;
}

/* The interface that has @address. */
static bool interface_of(const uint8_t *address, bool v6, char *name, size_t size)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (*sysfs_root || getifaddrs(&all))
		return false;
	for (one = all; one && !found; one = one->ifa_next) {
		if (!one->ifa_addr || one->ifa_addr->sa_family != (v6 ? AF_INET6 : AF_INET))
			continue;
		if (v6)
			found = !memcmp(&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, address, 16);
		else
			found = !memcmp(&((struct sockaddr_in *)one->ifa_addr)->sin_addr, address, 4);
		if (found)
			snprintf(name, size, "%s", one->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

/* Packets leave by the route to the client, and arrive at the interface with the server's address; these may be two. */
static void scan_session(struct safety *safety, const struct routes *routes)
{
	char session[256], client[64], server[64], scope[64], name[64], note[128];
	struct net_use use = { .safety = safety, .code = DIRECTPATH_REASON_CALLER_SESSION, .note = note,
		.fix = "log in another way first, e.g. by the serial console" };
	const struct route *route;
	uint8_t address[16];
	int fields;
	bool v6;

	if (!find_session(session, sizeof(session)))
		return;
	fields = sscanf(session, "%63s %*s %63s", client, server);
	if (fields < 1)
		return;
	snprintf(note, sizeof(note), " carries your SSH session from %s", client);
	if (parse_ip(client, address, &v6, scope, sizeof(scope))) {
		route = lookup_route(routes, address, v6);
		if (scope[0])
			walk_net(scope, "", 0, &use);
		else if (route)
			walk_net(route->iface, "", 0, &use);
	}
	if (fields == 2 && parse_ip(server, address, &v6, scope, sizeof(scope)) && interface_of(address, v6, name, sizeof(name)))
		walk_net(name, "", 0, &use);
}

void safety_scan_net(struct safety *safety)
{
	struct routes routes = {};

	read_routes(&routes);
	scan_default_routes(safety, &routes);
	sysfs_each("/sys/class/net", note_port, safety);
	scan_session(safety, &routes);
	free(routes.v);
}
