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
#include "loader/manifest/schema.h"

#define NETWORK_MAX 128 /* size of its field in struct lease */
#define OWNER_MAX 129   /* a container id of 128 bytes */
#define PATH_LIMIT 1024
#define MTU_LEAST 68    /* the kernel's minimum */
#define MTU_MOST 65535
#define WAIT_DEFAULT 5 /* seconds */
#define WAIT_MOST 60
#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"
/*
 * The key was first called cni.dev/attachments; libcni gives both (containernetworking/cni 1101), and
 * null if its caller has no list. The specification does not mention null, so it does not mean
 * "none": that would end every pod.
 */
#define VALID "cni.dev/valid-attachments"
#define VALID_FIRST "cni.dev/attachments"

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

static int check_network(struct reader *r, const json_t *json, const struct place *at)
{
	const char *name = json_string_value(json);

	return cni_name_is_valid(name, NETWORK_MAX) ? 0 :
		reader_error(r, at->line,
			     "invalid network name \"%.140s\"; write 1 to %d letters, digits, \"_\", \".\", \"-\"",
			     name, NETWORK_MAX - 1);
}

static int check_type(struct reader *r, const json_t *json, const struct place *at)
{
	return json_string_length(json) ? 0 :
		reader_error(r, at->line, "must not be empty; write \"pinpool-cni\"");
}

static int check_path(struct reader *r, const json_t *json, const struct place *at)
{
	const char *path = json_string_value(json);

	return !*path || (*path == '/' && strlen(path) < PATH_LIMIT) ? 0 :
		reader_error(r, at->line, "\"%.128s\" is not an absolute path; write one from /", path);
}

static int check_pool(struct reader *r, const json_t *json, const struct place *at)
{
	return json_string_length(json) < PP_NAME ? 0 :
		reader_error(r, at->line, "longer than any pool's name; correct it");
}

static int check_mtu(struct reader *r, const json_t *json, const struct place *at)
{
	json_int_t mtu = json_integer_value(json);

	return !mtu || mtu >= MTU_LEAST ? 0 :
		reader_error(r, at->line, "must be 0 (the node's) or %d to %d, not %lld", MTU_LEAST,
			     MTU_MOST, (long long)mtu);
}

/* Objects may have other fields too, of runtimes and other plugins. */
#define OBJECT(name, ...)                                                                          \
	static const struct schema_field name##_fields[] = { __VA_ARGS__ {} };                     \
	static const struct schema name = { .type = SCHEMA_OBJECT, .fields = name##_fields, .open = true }

static const struct schema anything = { .type = SCHEMA_UNUSED };
static const struct schema string = { .type = SCHEMA_STRING };
static const struct schema boolean = { .type = SCHEMA_BOOL };
static const struct schema strings = { .type = SCHEMA_STRINGS };
static const struct schema network = { .type = SCHEMA_STRING, .check = check_network };
static const struct schema type = { .type = SCHEMA_STRING, .check = check_type };
static const struct schema path = { .type = SCHEMA_STRING, .check = check_path };
static const struct schema pool = { .type = SCHEMA_STRING, .check = check_pool };
static const struct schema wait = { .type = SCHEMA_NUMBER, .max = WAIT_MOST };
static const struct schema mtu = { .type = SCHEMA_NUMBER, .max = MTU_MOST, .check = check_mtu };
OBJECT(object, );
OBJECT(attachment, { "containerID", &string, true }, { "ifname", &string, true }, );
static const struct schema list = { .type = SCHEMA_LIST, .item = &anything };
static const struct schema objects = { .type = SCHEMA_LIST, .item = &object };
static const struct schema addresses = { .type = SCHEMA_LIST, .item = &string };
static const struct schema attachments = { .type = SCHEMA_LIST, .item = &attachment };
OBJECT(args_cni, { "ips", &addresses, false }, );
OBJECT(args, { "cni", &args_cni, false }, );
OBJECT(runtime, { ANNOTATIONS, &strings, false }, { "bandwidth", &object, false },
       { "mac", &string, false }, { "portMappings", &list, false }, { "ips", &addresses, false }, );
OBJECT(previous, { "interfaces", &objects, false }, { "ips", &objects, false },
       { "routes", &objects, false }, );

#define COMMON                                                                                     \
	{ "name", &network, true }, { "type", &type, true }, { "root", &path, false },             \
		{ "logFile", &path, false },

OBJECT(del_config, COMMON);
OBJECT(full_config, COMMON { "pool", &pool, false }, { "mtu", &mtu, false },
       { "wait", &wait, false }, { "bandwidth", &boolean, false }, { "dns", &object, false }, { "args", &args, false },
       { "runtimeConfig", &runtime, false }, { "prevResult", &previous, false },
       { VALID, &attachments, false }, { VALID_FIRST, &attachments, false },
       { "cniVersion", &anything, false }, { "cniVersions", &anything, false },
       { "ipMasq", &anything, false }, { "capabilities", &anything, false },
       { "disableCheck", &anything, false }, { "disableGC", &anything, false }, );

static enum cni_code unknown_field(const char *key, const json_t *value, struct error *e)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	error_set(e, CNI_FIELD_UNSUPPORTED,
		  "network configuration: unknown field \"%.64s\": %.128s; ours are root, pool, mtu, wait, bandwidth and logFile",
		  key, text ? text : "?");
	free(text);
	return CNI_FIELD_UNSUPPORTED;
}

/* Only fields of the specification, of runtimes and of pinpool; keys like "example.com/x" belong to others. */
static enum cni_code check_keys(json_t *object, struct error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		const struct schema_field *f = full_config_fields;

		while (f->name && strcmp(key, f->name))
			f++;
		if (!f->name && !strchr(key, '/'))
			return unknown_field(key, value, e);
	}
	return CNI_OK;
}

/* The values are read from the configuration itself, so the schema's copy is dropped. */
static enum cni_code check_fields(const json_t *object, const struct schema *schema, struct error *e)
{
	struct documents none = {};
	struct reader r = { .file = "network configuration", .d = &none, .e = e };
	json_t *copy;
	int err = schema_read(&r, schema, object, &r.top, &copy);

	json_decref(copy);
	return err ? CNI_BAD_CONFIG : CNI_OK;
}

/* A missing string, null, which Go writes for an empty value, and an empty one are NULL. */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_get(object, key));

	return text && *text ? text : NULL;
}

static enum cni_code read_version(struct cni_request *r, struct error *e)
{
	const json_t *version = json_get(r->config, "cniVersion");
	const char *text = json_string_value(version);

	if (version && !text)
		return error_set(e, CNI_BAD_CONFIG, "cniVersion: must be a string; correct it");
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

static enum cni_code read_ips(struct cni_request *r, const char *what, const json_t *list,
			      struct error *e)
{
	enum cni_code code = CNI_OK;

	for (size_t i = 0; i < json_array_size(list) && !code; i++)
		code = cni_address_add(r->requested, what, json_string_value(json_array_get(list, i)), e);
	return code;
}

/* Fields about this one pod, the strongest first; CNI_ARGS come after these. */
static enum cni_code read_runtime(struct cni_request *r, struct error *e)
{
	const json_t *runtime = json_get(r->config, "runtimeConfig"), *ips = json_get(runtime, "ips");
	const json_t *limits = json_get(runtime, "bandwidth");
	const char *mac = text_of(runtime, "mac");
	enum cni_code code = mac ? cni_mac_parse(r->mac, "runtimeConfig.mac", mac, e) : CNI_OK;

	r->annotations = json_get(runtime, ANNOTATIONS);
	r->host_ports = json_array_size(json_get(runtime, "portMappings"));
	r->shaped = json_is_true(json_get(r->config, "bandwidth")) ||
		    json_number_value(json_get(limits, "ingressRate")) > 0 ||
		    json_number_value(json_get(limits, "egressRate")) > 0;
	if (code)
		return code;
	if (json_array_size(ips))
		return read_ips(r, "runtimeConfig.ips", ips, e);
	ips = json_get(json_get(json_get(r->config, "args"), "cni"), "ips");
	return read_ips(r, "args.cni.ips", ips, e);
}

static enum cni_code missing(const char *key, const char *why, struct error *e)
{
	return error_set(e, CNI_BAD_CONFIG, "network configuration: \"%s\" is missing; %s", key, why);
}

static enum cni_code read_config(struct cni_request *r, const struct cni_environment *env,
				 struct error *e)
{
	enum cni_code code = check_fields(r->config, &del_config, e);

	if (code)
		return code;
	r->network = text_of(r->config, "name");
	r->root = text_of(r->config, "root") ?: PP_ROOT;
	r->log_file = text_of(r->config, "logFile");
	if (r->command == CNI_DEL)
		return CNI_OK;
	code = check_keys(r->config, e);
	if (!code)
		code = check_fields(r->config, &full_config, e);
	if (code)
		return code;
	r->pool = text_of(r->config, "pool");
	r->mtu = json_integer_value(json_get(r->config, "mtu"));
	r->wait = json_get(r->config, "wait") ? json_integer_value(json_get(r->config, "wait")) : WAIT_DEFAULT;
	r->dns = json_get(r->config, "dns");
	r->previous = json_get(r->config, "prevResult");
	r->valid = json_get(r->config, VALID) ?: json_get(r->config, VALID_FIRST);
	if (r->command == CNI_CHECK && !r->previous)
		return missing("prevResult", "CHECK needs ADD's result", e);
	if (r->command == CNI_GC && !json_object_get(r->config, VALID) &&
	    !json_object_get(r->config, VALID_FIRST))
		return missing(VALID, "GC needs the list of attachments to keep", e);
	code = read_runtime(r, e);
	return code || !env->args ? code : cni_args_parse(r, env->args, e);
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
