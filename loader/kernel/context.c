// SPDX-License-Identifier: GPL-2.0-only
/* The context of a command: root, configuration, effective options. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "loader/net/netns.h"
#include "loader/kernel/context.h"
#include "loader/kernel/store.h"

int context_open(struct context *node, const char *root, enum root_lock lock, struct error *e)
{
	int err;

	pins_init(&node->pins);
	err = root_init(&node->pins.root, root, e);
	if (!err)
		err = root_open(&node->pins.root, lock, e);
	if (err)
		return err;
	err = context_read_config(node, e);
	if (!err && !node->config.node[0])
		err = error_set(e, -ENOENT, "%s: node not up; run 'pinpool up'", node->pins.root.path);
	if (err)
		context_close(node);
	return err;
}

void context_close(struct context *node)
{
	pins_close(&node->pins);
}

int context_check_netns(const struct context *node, struct error *e)
{
	uint64_t cookie;
	int err = netns_cookie(-1, &cookie, e);

	if (err)
		return err;
	if (cookie == node->config.netns_cookie)
		return 0;
	return error_set(e, -EXDEV,
			 "%s: node %s was brought up in another network namespace; give that one with --netns",
			 node->pins.root.path, node->config.node);
}

int context_read_config(struct context *node, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_CONFIG);
	__u32 zero = 0;

	if (fd < 0)
		return pins_error(&node->pins, "pp_config", fd, e);
	if (bpf_map_lookup_elem(fd, &zero, &node->config))
		return pins_error(&node->pins, "pp_config", -errno, e);
	return 0;
}

int context_write_config(struct context *node, struct error *e)
{
	int fd = pins_map(&node->pins, PIN_CONFIG);
	__u32 zero = 0;

	if (fd < 0)
		return pins_error(&node->pins, "pp_config", fd, e);
	if (bpf_map_update_elem(fd, &zero, &node->config, BPF_ANY))
		return pins_error(&node->pins, "pp_config", -errno, e);
	return 0;
}

int context_check_unmanaged(const struct context *node, const char *object, struct error *e)
{
	if (!node->config.managed)
		return 0;
	return error_set(e, -EPERM,
			 "%s: node %s is managed by the API server; change it there with kubectl, or end that with 'pinpool down --all'",
			 object, node->config.node);
}

/* The cluster's operator gives blocks to a managed node. */
json_t *context_merge(const struct context *node, const json_t *config, const json_t *nodeconfigs,
		      const json_t *labels, const json_t *settings)
{
	json_t *merged = options_merge(config, nodeconfigs, labels, settings);

	if (node->config.managed)
		json_object_set_new(merged, "node-cidr-allocator", json_string("static"));
	return merged;
}

json_t *context_labels(struct context *node)
{
	static const enum object_kind kinds[] = { OBJECT_NODE, OBJECT_CILIUMNODE };
	json_t *object, *labels = NULL;

	for (unsigned int i = 0; !labels && i < 2; i++) {
		object = store_get(&node->pins, kinds[i], node->config.node);
		labels = json_incref(json_object_get(json_object_get(object, "metadata"), "labels"));
		json_decref(object);
	}
	return labels ? labels : json_object();
}

json_t *context_effective(struct context *node, struct error *e)
{
	json_t *config = store_get(&node->pins, OBJECT_CONFIGMAP, "cilium-config");
	json_t *settings = store_get(&node->pins, OBJECT_SETTINGS, "set");
	json_t *nodeconfigs = json_array(), *labels = context_labels(node), *merged = NULL;
	struct stored *list;
	size_t count;

	if (!store_list(&node->pins, OBJECT_NODECONFIG, &list, &count, e)) {
		for (size_t i = 0; i < count; i++)
			json_array_append(nodeconfigs, list[i].json);
		stored_free(list, count);
		merged = context_merge(node, json_object_get(config, "data"), nodeconfigs, labels, settings);
	}
	json_decref(config);
	json_decref(settings);
	json_decref(nodeconfigs);
	json_decref(labels);
	return merged;
}

int context_options(struct context *node, struct options *options, struct error *e)
{
	json_t *effective = context_effective(node, e);
	int err;

	if (!effective)
		return -EIO;
	err = options_parse(effective, options, e);
	json_decref(effective);
	return err;
}
