// SPDX-License-Identifier: GPL-2.0-only
/*
 * The request of a call: the environment's variables and the network configuration on standard
 * input, both read strictly, so that a misspelt key is an error and not a pod in the wrong pool.
 * DEL reads only the fields that it needs, because a configuration that was changed meanwhile must
 * not keep a pod alive. Pure.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cni/cni.h"

#define NETWORK_MAX 128 /* size of its field in struct lease */
#define OWNER_MAX 129   /* a container id of 128 bytes */
#define PATH_LIMIT 1024
#define MTU_LEAST 68    /* the kernel's minimum */
#define MTU_MOST 65535

const char *const cni_version_names[CNI_VERSIONS] = { "0.3.1", "0.4.0", "1.0.0", "1.1.0" };

static const struct command {
	const char *name;
	enum cni_version since;
	bool pod;   /* needs CNI_CONTAINERID and CNI_IFNAME */
	bool netns; /* needs CNI_NETNS */
} commands[CNI_COMMANDS] = {
	[CNI_VERSION] = { "VERSION", CNI_0_3_1, false, false },
	[CNI_ADD] = { "ADD", CNI_0_3_1, true, true },
	[CNI_DEL] = { "DEL", CNI_0_3_1, true, false },
	[CNI_CHECK] = { "CHECK", CNI_0_4_0, true, true },
	[CNI_STATUS] = { "STATUS", CNI_1_1_0, false, false },
	[CNI_GC] = { "GC", CNI_1_1_0, false, false },
};

static bool ifname_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length >= 16 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (const char *c = name; *c; c++)
		if (isspace((unsigned char)*c) || strchr("/:", *c))
			return false;
	return true;
}

static enum cni_code read_pod(struct cni_request *r, const struct cni_environment *env,
			      struct error *e)
{
	r->container = env->container ? env->container : "";
	r->ifname = env->ifname ? env->ifname : "";
	if (!cni_name_is_valid(r->container, OWNER_MAX))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_CONTAINERID: invalid container id \"%.140s\"; set 1 to %d letters, digits, \"_\", \".\", \"-\"",
				 r->container, OWNER_MAX - 1);
	if (!ifname_is_valid(r->ifname))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_IFNAME: invalid interface name \"%.32s\"; set 1 to 15 bytes without space, \"/\" and \":\"",
				 r->ifname);
	return CNI_OK;
}

static enum cni_code read_environment(struct cni_request *r, const struct cni_environment *env,
				      struct error *e)
{
	const struct command *c;

	for (r->command = 0; r->command < CNI_COMMANDS; r->command++)
		if (env->command && !strcmp(env->command, commands[r->command].name))
			break;
	if (r->command == CNI_COMMANDS)
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_COMMAND: \"%.32s\" is unknown; a container runtime sets ADD, DEL, CHECK, STATUS, GC or VERSION",
				 env->command ? env->command : "");
	c = &commands[r->command];
	r->netns = env->netns ? env->netns : "";
	if (c->netns && r->netns[0] != '/')
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_NETNS: \"%.128s\" is not a path; set that of a network namespace", r->netns);
	return c->pod ? read_pod(r, env, e) : CNI_OK;
}

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	default:
		return "true or false";
	}
}

enum cni_code cni_member(const json_t *object, const char *key, json_type type,
			 const json_t **value, struct error *e)
{
	const json_t *v = json_object_get(object, key);

	*value = NULL;
	if (!v || json_is_null(v))
		return CNI_OK;
	if (json_typeof(v) != type)
		return error_set(e, CNI_BAD_CONFIG, "network configuration: \"%s\" must be %s; correct it",
				 key, type_name(type));
	*value = v;
	return CNI_OK;
}

/* The same for a string; empty counts as absent. */
static enum cni_code text_member(const json_t *object, const char *key, const char **text,
				 struct error *e)
{
	const json_t *value;
	enum cni_code code = cni_member(object, key, JSON_STRING, &value, e);

	*text = value && json_string_length(value) ? json_string_value(value) : NULL;
	return code;
}

static enum cni_code path_member(const json_t *object, const char *key, const char **path,
				 struct error *e)
{
	const char *text = NULL;
	enum cni_code code = text_member(object, key, &text, e);

	if (!code && text && (text[0] != '/' || strlen(text) >= PATH_LIMIT))
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"%s\": \"%.128s\" is not an absolute path; write one from /",
				 key, text);
	*path = text;
	return code;
}

static enum cni_code unknown_field(const char *key, const json_t *value, struct error *e)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	error_set(e, CNI_FIELD_UNSUPPORTED,
		  "network configuration: unknown field \"%.64s\": %.128s; ours are root, pool, mtu, bandwidth and logFile",
		  key, text ? text : "?");
	free(text);
	return CNI_FIELD_UNSUPPORTED;
}

/*
 * Fields of the specification, of runtimes and of pinpool; keys like "example.com/x" belong to
 * others.
 */
static enum cni_code check_keys(json_t *config, struct error *e)
{
	static const char *const known[] = {
		"cniVersion", "cniVersions", "name", "type", "args", "ipMasq", "dns", "capabilities",
		"runtimeConfig", "prevResult", "disableCheck", "disableGC", "root", "pool", "mtu",
		"bandwidth", "logFile",
	};
	const size_t count = sizeof(known) / sizeof(known[0]);
	const char *key;
	json_t *value;

	json_object_foreach(config, key, value) {
		size_t i = 0;

		while (i < count && strcmp(key, known[i]))
			i++;
		if (i == count && !strchr(key, '/'))
			return unknown_field(key, value, e);
	}
	return CNI_OK;
}

static enum cni_code read_version(struct cni_request *r, struct error *e)
{
	const char *text;
	enum cni_code code = text_member(r->config, "cniVersion", &text, e);

	if (code)
		return code;
	for (int v = 0; v < CNI_VERSIONS; v++)
		if (text && !strcmp(text, cni_version_names[v])) {
			r->version = v;
			if (r->command == CNI_COMMANDS || v >= (int)commands[r->command].since)
				return CNI_OK;
			return error_set(e, CNI_VERSION_UNSUPPORTED,
					 "cniVersion: %s has no %s; raise it to %s", text,
					 commands[r->command].name,
					 cni_version_names[commands[r->command].since]);
		}
	/* Runtimes ask VERSION for the supported ones. */
	if (r->command == CNI_VERSION)
		return CNI_OK;
	return error_set(e, CNI_VERSION_UNSUPPORTED,
			 "cniVersion: \"%.32s\" is not supported; use 0.3.1, 0.4.0, 1.0.0 or 1.1.0",
			 text ? text : "");
}

static enum cni_code read_mtu(struct cni_request *r, struct error *e)
{
	const json_t *value;
	enum cni_code code = cni_member(r->config, "mtu", JSON_INTEGER, &value, e);
	json_int_t mtu = json_integer_value(value);

	if (!code && mtu && (mtu < MTU_LEAST || mtu > MTU_MOST))
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"mtu\": %lld is out of range; write 0 (the node's) or %d to %d",
				 (long long)mtu, MTU_LEAST, MTU_MOST);
	r->mtu = mtu;
	return code;
}

static enum cni_code read_ips(struct cni_request *r, const char *what, const json_t *list,
			      struct error *e)
{
	enum cni_code code = CNI_OK;

	for (size_t i = 0; i < json_array_size(list) && !code; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return error_set(e, CNI_BAD_CONFIG, "%s: item %zu is not a string; correct it", what,
					 i);
		code = cni_address_add(r->wanted, what, text, e);
	}
	return code;
}

/* Fields about this one pod, the strongest first; CNI_ARGS come after these. */
static enum cni_code read_runtime(struct cni_request *r, struct error *e)
{
	const json_t *runtime, *args, *cni, *ips = NULL, *ports = NULL, *mac;
	enum cni_code code = cni_member(r->config, "runtimeConfig", JSON_OBJECT, &runtime, e);

	if (!code)
		code = cni_annotations_parse(r, runtime, e);
	if (!code)
		code = cni_bandwidth_parse(r, runtime, e);
	if (!code)
		code = cni_member(runtime, "mac", JSON_STRING, &mac, e);
	if (!code && json_string_length(mac))
		code = cni_mac_parse(r->mac, "runtimeConfig.mac", json_string_value(mac), e);
	if (!code)
		code = cni_member(runtime, "portMappings", JSON_ARRAY, &ports, e);
	r->host_ports = json_array_size(ports);
	if (!code)
		code = cni_member(runtime, "ips", JSON_ARRAY, &ips, e);
	if (!code && json_array_size(ips))
		return read_ips(r, "runtimeConfig.ips", ips, e);
	if (!code)
		code = cni_member(r->config, "args", JSON_OBJECT, &args, e);
	if (!code)
		code = cni_member(args, "cni", JSON_OBJECT, &cni, e);
	if (!code)
		code = cni_member(cni, "ips", JSON_ARRAY, &ips, e);
	return code ? code : read_ips(r, "args.cni.ips", ips, e);
}

static enum cni_code read_previous(struct cni_request *r, struct error *e)
{
	static const char *const lists[] = { "interfaces", "ips", "routes" };
	enum cni_code code = cni_member(r->config, "prevResult", JSON_OBJECT, &r->previous, e);
	const json_t *list;

	for (unsigned int i = 0; !code && i < sizeof(lists) / sizeof(lists[0]); i++) {
		code = cni_member(r->previous, lists[i], JSON_ARRAY, &list, e);
		for (size_t n = 0; !code && n < json_array_size(list); n++)
			if (!json_is_object(json_array_get(list, n)))
				code = error_set(e, CNI_BAD_CONFIG,
						 "prevResult: item %zu of \"%s\" is not an object; correct it", n,
						 lists[i]);
	}
	if (!code && r->command == CNI_CHECK && !r->previous)
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"prevResult\" is missing; CHECK needs what ADD returned");
	return code;
}

/*
 * The key was first called cni.dev/attachments; libcni gives both (containernetworking/cni 1101),
 * and null if its caller has no list. The specification does not mention null, so it does not mean
 * "none": that would end every pod.
 */
static enum cni_code read_valid(struct cni_request *r, struct error *e)
{
	static const char *const keys[] = { "cni.dev/valid-attachments", "cni.dev/attachments" };
	const json_t *newer = json_object_get(r->config, keys[0]);
	const char *key = newer && !json_is_null(newer) ? keys[0] : keys[1];
	enum cni_code code = cni_member(r->config, key, JSON_ARRAY, &r->valid, e);

	if (!code && !newer && !json_object_get(r->config, keys[1]))
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"%s\" is missing; GC needs the list of what to keep",
				 keys[0]);
	for (size_t i = 0; !code && i < json_array_size(r->valid); i++) {
		const json_t *item = json_array_get(r->valid, i);

		if (!json_is_string(json_object_get(item, "containerID")) ||
		    !json_is_string(json_object_get(item, "ifname")))
			code = error_set(e, CNI_BAD_CONFIG,
					 "%s: item %zu needs \"containerID\" and \"ifname\"; correct it", key, i);
	}
	return code;
}

/* Fields that all commands need. */
static enum cni_code read_network(struct cni_request *r, struct error *e)
{
	const char *type;
	enum cni_code code = text_member(r->config, "name", &r->network, e);

	if (!code)
		code = text_member(r->config, "type", &type, e);
	if (code)
		return code;
	if (!r->network || !cni_name_is_valid(r->network, NETWORK_MAX))
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"name\": invalid network name \"%.140s\"; write 1 to %d letters, digits, \"_\", \".\", \"-\"",
				 r->network ? r->network : "", NETWORK_MAX - 1);
	if (!type)
		return error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"type\" is missing; write \"pinpool-cni\"");
	code = path_member(r->config, "root", &r->root, e);
	if (!code && !r->root)
		r->root = PP_ROOT;
	return code ? code : path_member(r->config, "logFile", &r->log_file, e);
}

static enum cni_code read_config(struct cni_request *r, const struct cni_environment *env,
				 struct error *e)
{
	enum cni_code code = read_network(r, e);

	if (code || r->command == CNI_DEL)
		return code;
	code = check_keys(r->config, e);
	if (!code)
		code = text_member(r->config, "pool", &r->pool, e);
	if (!code && r->pool && strlen(r->pool) >= PP_NAME)
		code = error_set(e, CNI_BAD_CONFIG,
				 "network configuration: \"pool\" is longer than any pool's name; correct it");
	if (!code)
		code = read_mtu(r, e);
	if (!code)
		code = cni_member(r->config, "dns", JSON_OBJECT, &r->dns, e);
	if (!code)
		code = read_runtime(r, e);
	if (!code)
		code = read_previous(r, e);
	if (!code && r->command == CNI_GC)
		code = read_valid(r, e);
	if (!code && env->args)
		code = cni_args_parse(r, env->args, e);
	return code;
}

enum cni_code cni_request_parse(struct cni_request *r, const struct cni_environment *env,
				const char *config, size_t length, struct error *e)
{
	enum cni_code environment, code;
	json_error_t where;

	memset(r, 0, sizeof(*r));
	r->version = CNI_NEWEST;
	environment = read_environment(r, env, e);
	if (r->command == CNI_VERSION && !length)
		return CNI_OK;
	/* The configuration has the version that an error of the environment must carry. */
	r->config = json_loadb(config, length, JSON_REJECT_DUPLICATES, &where);
	code = json_is_object(r->config) ? read_version(r, environment ? NULL : e) : CNI_BAD_JSON;
	if (environment)
		return environment;
	if (!r->config)
		return error_set(e, code,
				 "network configuration: line %d, column %d: %.160s; give valid JSON on standard input",
				 where.line, where.column, where.text);
	if (code == CNI_BAD_JSON)
		return error_set(e, code,
				 "network configuration: is not an object; give one on standard input");
	if (code || r->command == CNI_VERSION)
		return code;
	return read_config(r, env, e);
}

void cni_request_free(struct cni_request *r)
{
	json_decref(r->config);
	r->config = NULL;
}
