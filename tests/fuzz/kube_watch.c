// SPDX-License-Identifier: GPL-2.0-only
/*
 * A watch under libFuzzer: whatever a server answers, its user hears of an object's end only after its
 * beginning, and the watch goes on asking. Records end with NUL; the first byte says what the server does.
 */
#include <stdint.h>
#include <string.h>

#include "loader/kube/lines.h"
#include "loader/kube/watch.h"
#include "tests/lib/fake_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *model; /* "namespace/name" of each object that was set and is not gone */

static char *key_of(const char *namespace, const char *name)
{
	char *key;

	if (asprintf(&key, "%s/%s", namespace, name) < 0)
		abort();
	return key;
}

static void on_set(void *arg, json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const char *namespace = json_string_value(json_object_get(metadata, "namespace"));
	char *key = key_of(namespace ? namespace : "", json_string_value(json_object_get(metadata, "name")));

	(void)arg;
	json_object_set_new(model, key, json_true());
	free(key);
}

static void on_gone(void *arg, const char *namespace, const char *name)
{
	char *key = key_of(namespace, name);

	(void)arg;
	if (json_object_del(model, key))
		abort();
	free(key);
}

static void on_synced(void *arg)
{
	(void)arg;
}

static bool on_line(void *arg, const char *line, size_t length)
{
	struct call *call = arg;

	call->line(call->arg, line, length);
	return fake_call == call;
}

static void send_data(struct lines *lines, const char *data, size_t size)
{
	/* in two pieces, for a line may come in any */
	for (size_t half = 0; half < 2 && fake_call && fake_call->line; half++) {
		if (!lines_add(lines, half ? data + size / 2 : data, half ? size - size / 2 : size / 2, on_line, fake_call))
			abort();
	}
}

static void answer(const char *data, size_t size)
{
	static const int statuses[] = { 0, 200, 400, 401, 410, 422, 429, 500 };
	struct answer a = { .status = size ? statuses[*data & 7] : 0, .retry_after = size > 1 ? (uint8_t)data[1] : 0 };

	a.too_large = size > 2;
	fake_end(&a);
}

static void send_page(const char *data, size_t size)
{
	struct answer a = { .status = 200, .body = line_json(data, size) };

	fake_end(&a);
	json_decref(a.body);
}

static void run_record(struct lines *lines, const char *data, size_t size)
{
	const struct call *call = fake_call;

	if (*data == 'a' && fake_call->line)
		fake_call->line(fake_call->arg, NULL, 0);
	else if (*data == 'd')
		send_data(lines, data + 1, size - 1);
	else if (*data == 'e')
		answer(data + 1, size - 1);
	else if (*data == 'p')
		send_page(data + 1, size - 1);
	if (!fake_call)
		fake_fire();
	if (fake_call != call)
		lines_free(lines); /* another connection */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct watch_spec spec = { .path = "/x", .set = on_set, .gone = on_gone, .synced = on_synced };
	struct lines lines = {};
	struct watch *w;

	model = json_object();
	w = watch_start(NULL, NULL, &spec);
	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		size_t length = end ? (size_t)(end - data) : size;

		if (length)
			run_record(&lines, (const char *)data, length);
		if (watch_count(w) != json_object_size(model) || !fake_call)
			abort();
		data += length + !!end;
		size -= length + !!end;
	}
	watch_stop(w);
	lines_free(&lines);
	json_decref(model);
	return 0;
}
