// SPDX-License-Identifier: GPL-2.0-only
/* pinpool attach, detach, alloc, release: pods and addresses without CNI. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/cmd/cmd.h"
#include "loader/ipam/transactions.h"
#include "loader/manifest/schema.h"
#include "loader/net/netns.h"
#include "loader/pod/pod.h"
#include "loader/base/prefix.h"

struct arguments {
	struct pod_request request;
	const char *owner, *ifname;
	char namespace[64], name[PP_NAME];
	json_t *annotations, *labels;
};

static int add_pair(json_t *object, const char *command, const char *what, const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return usage_error(command, "%s \"%s\": expects KEY=VALUE", what, text);
	if (json_object_setn_new_nocheck(object, text, equals - text, json_string(equals + 1)))
		return usage_error(command, "%s \"%s\": is not UTF-8", what, text);
	return 0;
}

static int add_ip(struct arguments *a, const char *command, const char *text)
{
	static const struct addr none;
	struct addr addr;

	if (addr_parse(text, &addr))
		return usage_error(command, "--ip \"%s\": is not an address", text);
	if (memcmp(&a->request.wanted[addr_family(&addr)], &none, sizeof(none)))
		return usage_error(command, "--ip \"%s\": a second address of one family", text);
	a->request.wanted[addr_family(&addr)] = addr;
	return 0;
}

static int set_pod(struct arguments *a, const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return usage_error("attach", "--pod \"%.80s\": expects NAMESPACE/NAME", text);
	/* what is cut is too long either way */
	snprintf(a->namespace, sizeof(a->namespace), "%.*s", (int)(slash - text), text);
	snprintf(a->name, sizeof(a->name), "%s", slash + 1);
	if (slash - text >= (long)sizeof(a->namespace) || !name_is_label(a->namespace))
		return usage_error("attach",
				   "--pod \"%.80s\": not a namespace's name before the /: 1 to 63 lower case letters, digits and -",
				   text);
	if (!name_is_subdomain(slash + 1, strlen(slash + 1)))
		return usage_error("attach",
				   "--pod \"%.80s\": not a pod's name after the /: 1 to 253 lower case letters, digits, - and .",
				   text);
	a->request.namespace = a->namespace;
	a->request.name = a->name;
	return 0;
}

static void arguments_init(struct arguments *a)
{
	memset(a, 0, sizeof(*a));
	a->annotations = json_object();
	a->labels = json_object();
	a->request.annotations = a->annotations;
	a->request.labels = a->labels;
	a->request.known_labels = true;
	a->request.netns_fd = -1;
	a->ifname = "eth0";
}

static void arguments_free(struct arguments *a)
{
	if (a->request.netns_fd >= 0)
		close(a->request.netns_fd);
	json_decref(a->annotations);
	json_decref(a->labels);
}

static void print_addresses(const struct pod_result *result)
{
	char ip[ADDR_TEXT];

	for (int f = 0; f < FAMILIES; f++)
		if (result->ip[f].block)
			puts(addr_format(&result->ip[f].address, ip));
	if (result->note[0])
		warning("%s", result->note);
}

static int add(const struct globals *g, struct arguments *a)
{
	struct pod_result result;
	struct netlink *nl = NULL;
	struct node node;
	struct error e;
	int err = lease_owner_set(&a->request.owner, a->owner, a->request.netns ? a->ifname : "", &e);

	if (!err && a->request.netns) {
		a->request.netns_fd = netns_open(a->request.netns, &e);
		err = a->request.netns_fd < 0 ? a->request.netns_fd : 0;
	}
	if (err)
		return fail(&e);
	if (!open_node(&node, g, ROOT_SHARED, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err)
		err = pod_add(&node, nl, &a->request, &result, &e);
	netlink_close(nl);
	node_close(&node);
	if (err)
		return fail(&e);
	print_addresses(&result);
	return EXIT_DONE;
}

static int parse(struct arguments *a, const char *command, const char *shorts,
		 const struct option *options, int argc, char **argv)
{
	int c, status = 0;

	while (!status && (c = getopt_long(argc, argv, shorts, options, NULL)) != -1) {
		switch (c) {
		case 'P':
			status = set_pod(a, optarg);
			break;
		case 'o':
			a->owner = optarg;
			break;
		case 'i':
			a->ifname = optarg;
			break;
		case 'a':
			status = add_pair(a->annotations, command, "--annotation", optarg);
			break;
		case 'l':
			status = add_pair(a->labels, command, "--label", optarg);
			break;
		case 'I':
			status = add_ip(a, command, optarg);
			break;
		case 'p':
			a->request.pool = optarg;
			a->request.pool_is_fixed = true;
			break;
		default:
			status = EXIT_USAGE;
		}
	}
	return status;
}

int cmd_attach(const struct globals *g, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pod", required_argument, NULL, 'P' },        { "owner", required_argument, NULL, 'o' },
		{ "ifname", required_argument, NULL, 'i' },     { "label", required_argument, NULL, 'l' },
		{ "annotation", required_argument, NULL, 'a' }, { "ip", required_argument, NULL, 'I' },
		{},
	};
	struct arguments a;
	int status;

	arguments_init(&a);
	status = parse(&a, "attach", "", options, argc, argv);
	if (!status && optind != argc - 1)
		status = usage_error("attach", "expects one network namespace");
	if (!status) {
		const char *slash = strrchr(argv[optind], '/');

		a.request.netns = argv[optind];
		if (!a.owner)
			a.owner = slash ? slash + 1 : argv[optind];
		status = a.ifname[0] ? add(g, &a) : usage_error("attach", "--ifname: is empty");
	}
	arguments_free(&a);
	return status;
}

int cmd_alloc(const struct globals *g, int argc, char **argv)
{
	static const struct option options[] = { { "pool", required_argument, NULL, 'p' },
						 { "owner", required_argument, NULL, 'o' },
						 { "ip", required_argument, NULL, 'I' }, {} };
	struct arguments a;
	int status;

	arguments_init(&a);
	status = parse(&a, "alloc", "", options, argc, argv);
	if (!status && optind != argc)
		status = usage_error("alloc", "unexpected argument \"%s\"", argv[optind]);
	if (!status)
		status = a.owner ? add(g, &a) : usage_error("alloc", "--owner is missing");
	arguments_free(&a);
	return status;
}

/* All interfaces of an owner, or (@held) its addresses alone. */
static int remove_owner(const struct globals *g, const char *owner, bool held)
{
	struct lease_entry *leases = NULL;
	struct lease_owner key;
	struct netlink *nl = NULL;
	struct node node;
	struct error e;
	size_t count = 0;
	int err = lease_owner_set(&key, owner, "", &e);

	if (err)
		return fail(&e);
	if (!open_node(&node, g, ROOT_SHARED, true))
		return EXIT_FAILED;
	err = netlink_open(&nl, -1, &e);
	if (!err && held)
		err = pod_remove(&node, nl, &key, &e);
	else if (!err)
		err = ipam_leases(&node.pins, &leases, &count, &e);
	for (size_t i = 0; !err && i < count; i++)
		if (!strcmp(leases[i].owner.id, key.id) && leases[i].owner.ifname[0])
			err = pod_remove(&node, nl, &leases[i].owner, &e);
	/* who says so himself will not try again */
	if (!err)
		ipam_pending_clear(&node.pins, key.id);
	free(leases);
	netlink_close(nl);
	node_close(&node);
	return err ? fail(&e) : EXIT_DONE;
}

static int owner_command(const struct globals *g, int argc, char **argv, bool held)
{
	static const struct option options[] = { { "owner", required_argument, NULL, 'o' }, {} };
	const char *owner = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'o')
			return EXIT_USAGE;
		owner = optarg;
	}
	if (!owner && !held && optind == argc - 1) {
		const char *slash = strrchr(argv[optind], '/');

		owner = slash ? slash + 1 : argv[optind++];
	} else if (optind != argc) {
		return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind]);
	}
	if (!owner)
		return usage_error(argv[0], held ? "--owner is missing" : "expects a network namespace or --owner");
	return remove_owner(g, owner, held);
}

int cmd_detach(const struct globals *g, int argc, char **argv)
{
	return owner_command(g, argc, argv, false);
}

int cmd_release(const struct globals *g, int argc, char **argv)
{
	return owner_command(g, argc, argv, true);
}
