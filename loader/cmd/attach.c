// SPDX-License-Identifier: GPL-2.0-only
/* pinpool attach, detach, alloc, release: pods and addresses without CNI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/base/prefix.h"
#include "loader/cmd/cmd.h"
#include "loader/ipam/transactions.h"
#include "loader/manifest/schema.h"
#include "loader/net/netns.h"
#include "loader/net/route.h"
#include "loader/pod/pod.h"

/* The data of attach and alloc. */
struct attach {
	struct pod_request request;
	char namespace[64], name[PP_NAME];
	json_t *annotations, *labels; /* owned; the request's */
};

static int add_pairs(const struct call *c, json_t *object, const char *option, const struct texts *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const char *text = pairs->list[i], *equals = strchr(text, '=');

		if (!equals || equals == text)
			return usage_error(c, "%s \"%s\": expects KEY=VALUE", option, text);
		if (json_object_setn_new_nocheck(object, text, equals - text, json_string(equals + 1)))
			return usage_error(c, "%s \"%s\": is not UTF-8", option, text);
	}
	return 0;
}

static int set_ips(const struct call *c, struct pod_request *request)
{
	const struct texts *ips = &c->args.ips;
	struct addr addr, *requested;

	for (size_t i = 0; i < ips->count; i++) {
		if (addr_parse(ips->list[i], &addr))
			return usage_error(c, "--ip \"%s\": is not an address", ips->list[i]);
		requested = &request->requested[addr_family(&addr)];
		if (!addr_is_zero(requested))
			return usage_error(c, "--ip \"%s\": a second address of one family", ips->list[i]);
		*requested = addr;
	}
	return 0;
}

static int set_pod(const struct call *c, struct attach *a, const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return usage_error(c, "--pod \"%.80s\": expects NAMESPACE/NAME", text);
	/* what is cut is too long either way */
	snprintf(a->namespace, sizeof(a->namespace), "%.*s", (int)(slash - text), text);
	snprintf(a->name, sizeof(a->name), "%s", slash + 1);
	if (slash - text >= (long)sizeof(a->namespace) || !name_is_label(a->namespace))
		return usage_error(c,
				   "--pod \"%.80s\": not a namespace's name before the /: 1 to 63 lower case letters, digits and -",
				   text);
	if (!name_is_subdomain(slash + 1, strlen(slash + 1)))
		return usage_error(c,
				   "--pod \"%.80s\": not a pod's name after the /: 1 to 253 lower case letters, digits, - and .",
				   text);
	a->request.namespace = a->namespace;
	a->request.name = a->name;
	return 0;
}

/* Without --owner: the name of the pod's network namespace. */
static const char *owner_of(const struct arguments *args)
{
	const char *word = args->words.count ? args->words.list[0] : NULL;
	const char *slash = word ? strrchr(word, '/') : NULL;

	if (args->owner)
		return args->owner;
	return slash ? slash + 1 : word;
}

static int prepare_options(struct call *c, struct attach *a)
{
	int status = c->args.pod ? set_pod(c, a, c->args.pod) : 0;

	if (!status)
		status = add_pairs(c, a->annotations, "--annotation", &c->args.annotations);
	if (!status)
		status = add_pairs(c, a->labels, "--label", &c->args.labels);
	return status ? status : set_ips(c, &a->request);
}

/* For both: alloc has no word, and attach no --pool. */
static int prepare(struct call *c, struct error *e)
{
	const struct arguments *args = &c->args;
	struct attach *a = c->data;
	struct pod_request *r = &a->request;
	const char *ifname = args->ifname ? args->ifname : "eth0";
	int err;

	a->annotations = json_object();
	a->labels = json_object();
	*r = (struct pod_request){ .annotations = a->annotations,
				   .labels = a->labels,
				   .known_labels = true,
				   .pool = args->pool,
				   .pool_is_fixed = args->pool,
				   .netns = args->words.count ? args->words.list[0] : NULL,
				   .netns_fd = -1 };
	err = prepare_options(c, a);
	if (err)
		return err;
	if (!*ifname)
		return usage_error(c, "--ifname: is empty");
	err = lease_owner_set(&r->owner, owner_of(args), r->netns ? ifname : "", e);
	if (err || !r->netns)
		return err;
	r->netns_fd = netns_open(r->netns, e);
	return r->netns_fd < 0 ? r->netns_fd : 0;
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

static int run(struct call *c, struct error *e)
{
	const struct attach *a = c->data;
	struct pod_result result;
	int err = pod_add(&c->node, c->nl, &a->request, &result, e);

	if (!err)
		print_addresses(&result);
	return err;
}

static void finish(struct call *c)
{
	struct attach *a = c->data;

	if (a->request.netns_fd >= 0)
		close(a->request.netns_fd);
	json_decref(a->annotations);
	json_decref(a->labels);
}

static int prepare_removal(struct call *c, struct error *e)
{
	const struct arguments *args = &c->args;

	if (args->owner && args->words.count)
		return usage_error(c, "unexpected argument \"%s\"", args->words.list[0]);
	if (!owner_of(args))
		return usage_error(c, "expects a network namespace or --owner");
	return lease_owner_set(c->data, owner_of(args), "", e);
}

/* All interfaces of the owner, who will not try again. */
static int run_detach(struct call *c, struct error *e)
{
	const struct lease_owner *key = c->data;
	struct lease_owner *interfaces;
	size_t count;
	int err = ipam_owner_interfaces(&c->node.pins, key->id, &interfaces, &count, e);

	for (size_t i = 0; !err && i < count; i++)
		err = pod_remove(&c->node, c->nl, &interfaces[i], e);
	free(interfaces);
	if (!err)
		ipam_pending_clear(&c->node.pins, key->id);
	return err;
}

/* The owner's addresses alone. */
static int run_release(struct call *c, struct error *e)
{
	const struct lease_owner *key = c->data;
	int err = pod_remove(&c->node, c->nl, key, e);

	if (!err)
		ipam_pending_clear(&c->node.pins, key->id);
	return err;
}

const struct command command_attach = {
	.name = "attach", .help = "make a pod of a network namespace",
	.words = "NETNS", .words_max = 1, .expects = "one network namespace",
	.options = OPTIONS({ "pod", 0, "NS/NAME", ARGUMENT(pod), 0 }, { "owner", 0, "ID", ARGUMENT(owner), 0 },
			   { "ifname", 0, "eth0", ARGUMENT(ifname), 0 },
			   { "annotation", 0, "K=V", ARGUMENT(annotations), OPTION_REPEATED },
			   { "label", 0, "K=V", ARGUMENT(labels), OPTION_REPEATED },
			   { "ip", 0, "ADDR", ARGUMENT(ips), OPTION_REPEATED }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_SHARED,
	.data_size = sizeof(struct attach), .prepare = prepare, .run = run, .finish = finish,
};

const struct command command_alloc = {
	.name = "alloc", .help = "addresses alone, no interface",
	.options = OPTIONS({ "pool", 0, "P", ARGUMENT(pool), 0 },
			   { "owner", 0, "ID", ARGUMENT(owner), OPTION_REQUIRED },
			   { "ip", 0, "ADDR", ARGUMENT(ips), OPTION_REPEATED }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_SHARED,
	.data_size = sizeof(struct attach), .prepare = prepare, .run = run, .finish = finish,
};

const struct command command_detach = {
	.name = "detach", .help = "undo attach", .words = "NETNS", .words_max = 1,
	.options = OPTIONS({ "owner", 0, "ID", ARGUMENT(owner), OPTION_ALTERNATIVE }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_SHARED,
	.data_size = sizeof(struct lease_owner), .prepare = prepare_removal, .run = run_detach,
};

const struct command command_release = {
	.name = "release", .help = "undo alloc",
	.options = OPTIONS({ "owner", 0, "ID", ARGUMENT(owner), OPTION_REQUIRED }),
	.needs = NEEDS_NODE | NEEDS_INTERFACES, .lock = ROOT_SHARED,
	.data_size = sizeof(struct lease_owner), .prepare = prepare_removal, .run = run_release,
};
