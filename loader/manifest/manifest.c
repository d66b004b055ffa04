// SPDX-License-Identifier: GPL-2.0-only
/* Manifests: files and directories to documents to objects; each file is read completely or rejected. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/manifest/kinds.h"

char *object_text(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (!text)
		abort();
	return text;
}

static void object_free(struct object *o)
{
	json_decref(o->json);
	free(o->where);
}

void manifest_free(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		object_free(&m->objects[i]);
	for (size_t i = 0; i < m->warning_count; i++)
		free(m->warnings[i]);
	free(m->objects);
	free(m->warnings);
	*m = (struct manifest){};
}

/* Moves all of @from to the end of @to. */
static void manifest_append(struct manifest *to, struct manifest *from)
{
	size_t count = to->count + from->count, warnings = to->warning_count + from->warning_count;

	to->objects = xrealloc(to->objects, count * sizeof(*to->objects));
	to->warnings = xrealloc(to->warnings, warnings * sizeof(*to->warnings));
	if (from->count)
		memcpy(to->objects + to->count, from->objects, from->count * sizeof(*to->objects));
	if (from->warning_count)
		memcpy(to->warnings + to->warning_count, from->warnings,
		       from->warning_count * sizeof(*to->warnings));
	to->count = count;
	to->warning_count = warnings;
	free(from->objects);
	free(from->warnings);
	*from = (struct manifest){};
}

static int add_object(struct reader *r, const json_t *in, const char *kind, const char *version)
{
	struct manifest *m = r->m;
	struct object *o;

	m->objects = xgrow(m->objects, m->count, sizeof(*m->objects));
	o = &m->objects[m->count++];
	*o = (struct object){};
	if (asprintf(&o->where, "%s:%u", r->file, r->top.line) < 0)
		abort();
	return object_read(r, in, kind, version, o);
}

static int add_document(struct reader *r, const json_t *in, const char *kind, const char *version);

/* The items of a List or of a typed list (CiliumPodIPPoolList); items may lack their type. */
static int add_items(struct reader *r, const json_t *list, const json_t *items)
{
	const char *kind = json_string_value(json_get(list, "kind"));
	const char *version = json_string_value(json_get(list, "apiVersion"));
	size_t length = strlen(kind) - strlen("List");
	char *item_kind = strndup(kind, length);
	bool typed = length && version;
	struct place top = r->top;
	int err = 0;

	if (!item_kind)
		abort();
	for (size_t i = 0; i < json_array_size(items) && !err; i++) {
		r->top = *item_place(r, items, i);
		err = add_document(r, json_array_get(items, i), typed ? item_kind : NULL,
				   typed ? version : NULL);
		r->top = top;
	}
	free(item_kind);
	return err;
}

/* @in, whose place is r->top; @kind and @version as for object_read(). */
static int add_document(struct reader *r, const json_t *in, const char *kind, const char *version)
{
	const char *name = json_string_value(json_get(in, "kind"));
	const json_t *items = json_get(in, "items");
	size_t length = name ? strlen(name) : 0;
	bool list = length >= 4 && !strcmp(name + length - 4, "List");

	r->object[0] = r->path[0] = 0;
	if (!json_is_object(in))
		return reader_error(r, r->top.line,
				    "not an object but %s; a manifest has apiVersion and kind",
				    json_kind_name(in));
	/* kubectl writes a list without entries as null. */
	if (list && json_is_array(items))
		return add_items(r, in, items);
	if (list && length == 4 && !items)
		return 0;
	return add_object(r, in, kind, version);
}

int manifest_parse(const char *name, const char *text, size_t length, struct manifest *m,
		   struct error *e)
{
	struct manifest own = {};
	struct documents d = {};
	struct reader r = { .file = name, .d = &d, .m = &own, .e = e };
	struct error reason = {};
	unsigned int line = 1;
	int err;

	if (length > TEXT_BYTES_MAX)
		return error_set(e, -EFBIG, "%s: larger than %u MB; split it", name,
				 TEXT_BYTES_MAX >> 20);
	err = documents_parse(text, length, &d, &line, &reason);
	if (err)
		err = reader_error(&r, line, "%s", reason.text);
	for (size_t i = 0; i < d.count && !err; i++) {
		r.top = d.list[i].place;
		err = add_document(&r, d.list[i].root, NULL, NULL);
	}
	if (!err)
		manifest_append(m, &own);
	manifest_free(&own);
	documents_free(&d);
	return err;
}

int manifest_take(const char *name, const json_t *json, struct manifest *m, struct error *e)
{
	struct manifest own = {};
	struct documents none = {};
	struct reader r = { .file = name, .d = &none, .m = &own, .e = e, .lenient = true };
	int err = add_document(&r, json, NULL, NULL);

	if (!err)
		manifest_append(m, &own);
	manifest_free(&own);
	return err;
}

/* Reads @fd to its end, up to one byte more than the limit. */
static int read_all(int fd, char **text, size_t *length)
{
	size_t space = 0;

	for (*text = NULL, *length = 0; *length <= TEXT_BYTES_MAX;) {
		ssize_t n;

		if (*length == space) {
			space = space ? space * 2 : 65536;
			*text = xrealloc(*text, space);
		}
		n = read(fd, *text + *length, space - *length);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return 0;
		*length += n > 0 ? n : 0;
	}
	return 0;
}

static int read_fd(int fd, const char *name, struct manifest *m, struct error *e)
{
	size_t length;
	char *text;
	int err;

	err = read_all(fd, &text, &length);
	if (err)
		error_set(e, err, "%s: cannot read: %s", name, strerror(-err));
	else
		err = manifest_parse(name, text, length, m, e);
	free(text);
	return err;
}

/* Hidden files, which editors leave behind, are ignored as by kubelet. */
static int is_manifest(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Reads a file of a directory; skips anything else (a folder, a pipe). */
static int read_entry(const char *directory, const char *name, struct manifest *m, struct error *e)
{
	char *path;
	struct stat st;
	int fd, err = 0;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	if (err == -ENXIO) /* a socket */
		err = 0;
	else if (err)
		error_set(e, err, "%s: cannot read: %s", path, strerror(-err));
	else if (S_ISREG(st.st_mode))
		err = read_fd(fd, path, m, e);
	if (fd >= 0)
		close(fd);
	free(path);
	return err;
}

static int read_directory(const char *path, struct manifest *m, struct error *e)
{
	struct manifest own = {};
	struct dirent **entries;
	int count = scandir(path, &entries, is_manifest, by_name), err = 0;

	if (count < 0) {
		err = -errno;
		return error_set(e, err, "%s: cannot read: %s", path, strerror(-err));
	}
	for (int i = 0; i < count; i++) {
		if (!err)
			err = read_entry(path, entries[i]->d_name, &own, e);
		free(entries[i]);
	}
	free(entries);
	if (!err)
		manifest_append(m, &own);
	manifest_free(&own);
	return err;
}

int manifest_read(const char *path, struct manifest *m, struct error *e)
{
	struct stat st;
	int fd, err;

	if (!strcmp(path, "-"))
		return read_fd(STDIN_FILENO, "stdin", m, e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		error_set(e, err, "%s: cannot read: %s", path, strerror(-err));
	} else if (S_ISDIR(st.st_mode)) {
		err = read_directory(path, m, e);
	} else {
		err = read_fd(fd, path, m, e);
	}
	if (fd >= 0)
		close(fd);
	return err;
}
