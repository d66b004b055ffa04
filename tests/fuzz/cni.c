// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CNI plugin's input under libFuzzer: the first byte chooses the command, CNI_ARGS stand before
 * the first newline, the network configuration after it. Whatever is refused gives an error object
 * with a code of the specification; what is accepted is as the rest of the plugin expects it.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/cni/cni.h"
#include "loader/cni/result.h"

#define ARGS_MAX 1024

static void insist(bool truth)
{
	if (!truth)
		abort();
}

static void check_error(const struct cni_request *r, enum cni_code code, const struct error *e)
{
	json_t *error = cni_result_error(r, code, e);
	char *text = json_dumps(error, 0);

	insist(code == CNI_VERSION_UNSUPPORTED || code == CNI_FIELD_UNSUPPORTED ||
	       (code >= CNI_BAD_ENVIRONMENT && code <= CNI_BAD_CONFIG));
	insist(text && json_string_length(json_object_get(error, "msg")));
	insist(json_string_length(json_object_get(error, "cniVersion")));
	free(text);
	json_decref(error);
}

static void check_request(const struct cni_request *r)
{
	struct cni_previous previous;
	struct error e;
	json_t *json;

	insist(r->command < CNI_COMMANDS && r->version < CNI_VERSIONS);
	if (r->command == CNI_VERSION) {
		json_decref(cni_result_versions(r));
		return;
	}
	insist(r->network && r->network[0] && r->root[0] == '/');
	insist(!r->log_file || r->log_file[0] == '/');
	insist(!r->pool || strlen(r->pool) < PP_NAME);
	if (r->previous)
		cni_previous_parse(r, &previous, &e);
	if (r->command == CNI_ADD) {
		struct pod_result pod = { .host_ifname = "pp0", .ip = { { .block = 1 }, { .block = 1 } } };

		json = cni_result(r, &pod, r->mtu);
		insist(json_array_size(json_object_get(json, "ips")) >= 2);
		json_decref(json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const commands[] = { "ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION", "add" };
	const uint8_t *newline = memchr(data, '\n', size);
	char args[ARGS_MAX] = "";
	struct cni_environment env = { .container = "c1", .netns = "/run/netns/a", .ifname = "eth0",
				       .args = args };
	struct cni_request r;
	struct error e;
	enum cni_code code;
	size_t length;

	if (!newline || newline == data || newline - data > ARGS_MAX)
		return 0;
	env.command = commands[data[0] % (sizeof(commands) / sizeof(commands[0]))];
	memcpy(args, data + 1, newline - data - 1);
	args[newline - data - 1] = 0;
	length = size - (newline + 1 - data);
	code = cni_request_parse(&r, &env, (const char *)newline + 1, length, &e);
	if (code)
		check_error(&r, code, &e);
	else
		check_request(&r);
	cni_request_free(&r);
	return 0;
}
