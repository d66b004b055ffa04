// SPDX-License-Identifier: GPL-2.0-only
/* Objects in their maps: split into chunks, published by writing the first. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/kernel/map.h"
#include "loader/kernel/store.h"

#define READ_TRIES 100

struct chunk_entry {
	struct object_key key;
	struct object_chunk chunk;
};

static const struct part {
	enum store_part part;
	enum pinned_map map;
} parts[] = {
	{ STORE_SETTINGS, PIN_OBJECTS }, { STORE_NODES, PIN_NODES }, { STORE_METADATA, PIN_METADATA },
	{ STORE_SERVICES, PIN_ENDPOINTS },
};

#define PARTS (sizeof(parts) / sizeof(*parts))

enum store_part store_part(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_CILIUMNODE:
	case OBJECT_NODE:
		return STORE_NODES;
	case OBJECT_NAMESPACE:
	case OBJECT_POD:
	case OBJECT_AGENT:
		return STORE_METADATA;
	case OBJECT_SERVICE:
	case OBJECT_ENDPOINTSLICE:
		return STORE_SERVICES;
	default:
		return STORE_SETTINGS;
	}
}

enum pinned_map store_map(enum object_kind kind)
{
	size_t i = 0;

	while (parts[i].part != store_part(kind))
		i++;
	return parts[i].map;
}

static int key_set(struct object_key *key, enum object_kind kind, const char *name)
{
	const char *slash = strchr(name, '/'), *last = slash ? slash + 1 : name;
	size_t namespace = slash ? slash - name : 0, length = strlen(last);

	memset(key, 0, sizeof(*key));
	if (namespace >= sizeof(key->namespace) || length >= sizeof(key->name))
		return -ENAMETOOLONG;
	key->kind = kind;
	memcpy(key->namespace, name, namespace);
	memcpy(key->name, last, length);
	return 0;
}

const char *store_key_name(const struct object_key *key, char name[STORE_NAME])
{
	snprintf(name, STORE_NAME, "%.*s%s%.*s", (int)sizeof(key->namespace) - 1, key->namespace,
		 key->namespace[0] ? "/" : "", (int)sizeof(key->name) - 1, key->name);
	return name;
}

static uint32_t chunk_number(uint32_t version, uint32_t index)
{
	return index ? (version & 1) << 16 | index : 0;
}

static uint32_t chunk_count(uint32_t length)
{
	return length ? (length - 1) / OBJECT_CHUNK_TEXT + 1 : 1;
}

/* Reads the chunks after @head; -EAGAIN if a writer has replaced them. */
static int read_rest(int fd, struct object_key *key, const struct object_chunk *head, char *text)
{
	struct object_chunk chunk;
	uint32_t left, count = chunk_count(head->length);

	if (head->length > OBJECT_CHUNK_TEXT * OBJECT_CHUNKS_MAX)
		return -EINVAL;
	memcpy(text, head->text, head->length < OBJECT_CHUNK_TEXT ? head->length : OBJECT_CHUNK_TEXT);
	for (uint32_t i = 1; i < count; i++) {
		key->chunk = chunk_number(head->version, i);
		if (bpf_map_lookup_elem(fd, key, &chunk) || chunk.version != head->version)
			return -EAGAIN;
		left = head->length - i * OBJECT_CHUNK_TEXT;
		memcpy(text + i * OBJECT_CHUNK_TEXT, chunk.text,
		       left < OBJECT_CHUNK_TEXT ? left : OBJECT_CHUNK_TEXT);
	}
	return 0;
}

/* One stored object, owned by the caller, and its creation time; NULL as store_get(). */
static char *store_text(struct pins *pins, enum object_kind kind, const char *name, uint64_t *created)
{
	int fd = pins_map(pins, store_map(kind)), err = -EAGAIN;
	struct object_chunk head;
	struct object_key key;
	char *text = NULL;

	if (fd < 0 || key_set(&key, kind, name))
		return NULL;
	for (int i = 0; err == -EAGAIN && i < READ_TRIES; i++) {
		key.chunk = 0;
		free(text);
		text = NULL;
		if (bpf_map_lookup_elem(fd, &key, &head))
			return NULL;
		text = xcalloc((size_t)head.length + 1, 1);
		err = read_rest(fd, &key, &head, text);
	}
	if (err) {
		free(text);
		return NULL;
	}
	if (created)
		*created = head.created;
	return text;
}

json_t *store_get(struct pins *pins, enum object_kind kind, const char *name)
{
	char *text = store_text(pins, kind, name, NULL);
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return json;
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct stored *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

/* What fits into its first chunk was read with it. */
static bool fill(struct pins *pins, const struct chunk_entry *c, struct stored *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = c->key.kind;
	store_key_name(&c->key, s->name);
	s->created = c->chunk.created;
	s->text = c->chunk.length <= OBJECT_CHUNK_TEXT ?
			  strndup(c->chunk.text, c->chunk.length) :
			  store_text(pins, s->kind, s->name, &s->created);
	return s->text; /* else it was deleted meanwhile, or is damaged: check says so */
}

/* What an agent keeps for itself has no manifest. */
static bool is_listed(enum object_kind wanted, enum object_kind kind)
{
	return wanted ? kind == wanted : kind != OBJECT_POD && kind != OBJECT_AGENT;
}

static int list_map(struct pins *pins, enum pinned_map map, enum object_kind kind,
		    struct stored **list, size_t *count, struct error *e)
{
	int fd = pins_map(pins, map), err;
	struct chunk_entry *chunks;
	size_t n;

	if (fd < 0)
		return pins_error(pins, pinned_map_names[map], fd, e);
	err = map_read_all(fd, sizeof(chunks->key), offsetof(struct chunk_entry, chunk),
			   sizeof(chunks->chunk), sizeof(*chunks), (void **)&chunks, &n);
	if (err)
		return pins_error(pins, pinned_map_names[map], err, e);
	*list = xrealloc(*list, (*count + n) * sizeof(**list));
	for (size_t i = 0; i < n; i++)
		if (!chunks[i].key.chunk && is_listed(kind, chunks[i].key.kind))
			*count += fill(pins, &chunks[i], &(*list)[*count]);
	free(chunks);
	return 0;
}

static int list_parts(struct pins *pins, unsigned int wanted, enum object_kind kind, struct stored **list,
		      size_t *count, struct error *e)
{
	int err = 0;

	*list = NULL;
	*count = 0;
	for (size_t i = 0; !err && i < PARTS; i++)
		if (wanted & parts[i].part)
			err = list_map(pins, parts[i].map, kind, list, count, e);
	if (err) {
		stored_free(*list, *count);
		*list = NULL;
		*count = 0;
	} else if (*count) {
		qsort(*list, *count, sizeof(**list), by_kind_and_name);
	}
	return err;
}

const json_t *stored_parse(struct stored *s)
{
	if (!s->json && s->text)
		s->json = json_loads(s->text, 0, NULL);
	return s->json;
}

void stored_forget(struct stored *s)
{
	json_decref(s->json);
	s->json = NULL;
}

/* What is no JSON is left out: check says so. */
static void parse_all(struct stored *list, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		if (stored_parse(&list[i]))
			list[kept++] = list[i];
		else
			free(list[i].text);
	}
	*count = kept;
}

int store_list_texts(struct pins *pins, enum object_kind kind, struct stored **list, size_t *count,
		     struct error *e)
{
	return list_parts(pins, store_part(kind), kind, list, count, e);
}

int store_list(struct pins *pins, enum object_kind kind, struct stored **list, size_t *count,
	       struct error *e)
{
	int err = store_list_texts(pins, kind, list, count, e);

	parse_all(*list, count);
	return err;
}

int store_list_parts(struct pins *pins, unsigned int wanted, struct stored **list, size_t *count,
		     struct error *e)
{
	int err = list_parts(pins, wanted, OBJECT_NONE, list, count, e);

	parse_all(*list, count);
	return err;
}

bool store_read(struct pins *pins, enum object_kind kind, const char *name, struct stored *s)
{
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	if (strlen(name) < sizeof(s->name))
		memcpy(s->name, name, strlen(name));
	s->text = store_text(pins, kind, name, &s->created);
	s->json = s->text ? json_loads(s->text, 0, NULL) : NULL;
	if (!s->json)
		free(s->text);
	return s->json;
}

void stored_free(struct stored *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_decref(list[i].json);
		free(list[i].text);
	}
	free(list);
}

int store_prepare(struct pins *pins, enum object_kind kind, const char *name, const char *text,
		  struct object_key *key, struct object_chunk *head, struct error *e)
{
	int fd = pins_map(pins, store_map(kind));
	size_t length = strlen(text);
	struct object_chunk chunk;

	if (fd < 0)
		return pins_error(pins, pinned_map_names[store_map(kind)], fd, e);
	if (key_set(key, kind, name) || length > OBJECT_CHUNK_TEXT * OBJECT_CHUNKS_MAX)
		return error_set(e, -E2BIG, "%s: object too large (%zu bytes); at most %d are kept", name,
				 length, OBJECT_CHUNK_TEXT * OBJECT_CHUNKS_MAX);
	memset(head, 0, sizeof(*head));
	if (bpf_map_lookup_elem(fd, key, head))
		head->created = time(NULL);
	head->version++;
	head->length = length;
	memset(head->text, 0, sizeof(head->text));
	memcpy(head->text, text, length < OBJECT_CHUNK_TEXT ? length : OBJECT_CHUNK_TEXT);
	for (uint32_t i = 1; i < chunk_count(length); i++) {
		size_t left = length - i * OBJECT_CHUNK_TEXT;

		memset(&chunk, 0, sizeof(chunk));
		chunk.version = head->version;
		chunk.length = length;
		memcpy(chunk.text, text + i * OBJECT_CHUNK_TEXT,
		       left < OBJECT_CHUNK_TEXT ? left : OBJECT_CHUNK_TEXT);
		key->chunk = chunk_number(head->version, i);
		if (bpf_map_update_elem(fd, key, &chunk, BPF_ANY))
			return error_set(e, -errno, "%s: cannot store object: %s; free kernel memory", name,
					 strerror(errno));
	}
	key->chunk = 0;
	return 0;
}

int store_put(struct pins *pins, enum object_kind kind, const char *name, const char *text, struct error *e)
{
	struct object_chunk head;
	struct object_key key;
	int err = store_prepare(pins, kind, name, text, &key, &head, e);

	if (err)
		return err;
	if (bpf_map_update_elem(pins_map(pins, store_map(kind)), &key, &head, BPF_ANY))
		return error_set(e, -errno, "%s: cannot store object: %s; free kernel memory", name,
				 strerror(errno));
	store_sweep(pins, kind, name);
	return 0;
}

void store_sweep(struct pins *pins, enum object_kind kind, const char *name)
{
	int fd = pins_map(pins, store_map(kind));
	struct object_chunk head = {}, chunk;
	struct object_key key;
	uint32_t keep = 0;

	if (fd < 0 || key_set(&key, kind, name))
		return;
	if (!bpf_map_lookup_elem(fd, &key, &head))
		keep = chunk_count(head.length);
	/* Chunks are written upwards and removed downwards, so that killed writers leave no gaps. */
	for (uint32_t parity = 0; parity < 2; parity++) {
		uint32_t first = parity == (head.version & 1) && keep ? keep : 1, end = first;

		do
			key.chunk = chunk_number(parity, end);
		while (!bpf_map_lookup_elem(fd, &key, &chunk) && ++end < OBJECT_CHUNKS_MAX);
		while (end-- > first) {
			key.chunk = chunk_number(parity, end);
			bpf_map_delete_elem(fd, &key);
		}
	}
}

int store_delete(struct pins *pins, enum object_kind kind, const char *name, struct error *e)
{
	int fd = pins_map(pins, store_map(kind));
	struct object_key key;

	if (fd < 0)
		return pins_error(pins, pinned_map_names[store_map(kind)], fd, e);
	if (key_set(&key, kind, name) || bpf_map_delete_elem(fd, &key))
		return error_set(e, -ENOENT, "%s: not found", name);
	store_sweep(pins, kind, name);
	return 0;
}
