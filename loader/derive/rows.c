// SPDX-License-Identifier: GPL-2.0-only
/* Expected rows of a map: compared with it, and applied to it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/base/memory.h"
#include "loader/base/trace.h"
#include "loader/derive/rows.h"
#include "loader/kernel/map.h"

void row_violation(const struct row_report *report, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report->fn(text, report->arg);
}

static char *row_at(const struct row_list *rows, size_t i)
{
	return rows->list + i * rows->table->row_size;
}

void rows_add(struct row_list *rows, const void *key, const void *value)
{
	const struct row_table *t = rows->table;
	char *row;

	rows->list = xgrow(rows->list, rows->count, t->row_size);
	row = row_at(rows, rows->count++);
	memset(row, 0, t->row_size);
	memcpy(row, key, t->key_size);
	memcpy(row + t->value_at, value, t->value_size);
}

void rows_free(struct row_list *rows)
{
	free(rows->list);
	rows->list = NULL;
	rows->count = 0;
}

static int by_key(const void *a, const void *b, void *table)
{
	return memcmp(a, b, ((const struct row_table *)table)->key_size);
}

static int by_key_and_rank(const void *a, const void *b, void *table)
{
	const struct row_table *t = table;
	int order = by_key(a, b, table);
	uint32_t x, y;

	if (order)
		return order;
	memcpy(&x, (const char *)a + t->value_at, sizeof(x));
	memcpy(&y, (const char *)b + t->value_at, sizeof(y));
	return x < y ? -1 : x > y;
}

static void rows_sort(struct row_list *rows)
{
	void *table = (void *)rows->table;
	size_t kept = 0;

	if (rows->count)
		qsort_r(rows->list, rows->count, rows->table->row_size, by_key_and_rank, table);
	for (size_t i = 0; i < rows->count; i++)
		if (!kept || by_key(row_at(rows, kept - 1), row_at(rows, i), table))
			memmove(row_at(rows, kept++), row_at(rows, i), rows->table->row_size);
	rows->count = kept;
}

int rows_read(struct context *node, const struct row_table *t, struct row_list *rows, struct error *e)
{
	size_t kept = 0;
	int err;

	*rows = (struct row_list){ .table = t };
	if (t->partial)
		return 0;
	err = map_read_pinned(&node->pins, t->map, t->key_size, t->value_at, t->value_size, t->row_size,
			      (void **)&rows->list, &rows->count, e);
	for (size_t i = 0; t->is_empty && i < rows->count; i++)
		if (!t->is_empty(row_at(rows, i)))
			memmove(row_at(rows, kept++), row_at(rows, i), t->row_size);
	if (t->is_empty)
		rows->count = kept;
	if (!err)
		rows_sort(rows);
	return err;
}

static char *find_row(const struct row_list *rows, const void *key)
{
	size_t low = 0, high = rows->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = memcmp(row_at(rows, middle), key, rows->table->key_size);

		if (!order)
			return row_at(rows, middle);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const void *rows_find(const struct row_list *rows, const void *key)
{
	char *row = find_row(rows, key);

	return row ? row + rows->table->value_at : NULL;
}

static bool field_differs(const struct row_table *t, const struct row_field *f, const char *a, const char *b)
{
	return memcmp(a + t->value_at + f->at, b + t->value_at + f->at, f->size);
}

static void report_field(const struct row_table *t, const struct row_field *f, const char *name,
			 const char *is, const char *expected, const struct row_report *report)
{
	uint32_t has, must;

	memcpy(&has, is + t->value_at + f->at, sizeof(has));
	memcpy(&must, expected + t->value_at + f->at, sizeof(must));
	if (f->size == sizeof(has))
		row_violation(report, "%s: %s is %u, expected %u", name, f->name, has, must);
	else
		row_violation(report, "%s: %s is wrong", name, f->name);
}

static void report_row(const struct row_list *rows, const char *is, const char *expected,
		       const struct row_report *report)
{
	const struct row_table *t = rows->table;
	char name[ROW_NAME];

	if (t->explain && t->explain(is, expected, rows, report))
		return;
	row_name(rows, expected ? expected : is, name);
	if (!is || !expected)
		row_violation(report, "%s is %s", name, is ? "unexpected" : "missing");
	else if (!t->field_count)
		row_violation(report, "%s is wrong", name);
	for (size_t i = 0; is && expected && i < t->field_count; i++)
		if (field_differs(t, &t->fields[i], is, expected))
			report_field(t, &t->fields[i], name, is, expected, report);
}

static bool is_equal(const struct row_table *t, const char *a, const char *b)
{
	return t->keys_only || !memcmp(a + t->value_at, b + t->value_at, t->value_size);
}

/* In what a comparison looks at. */
static bool is_different(const struct row_table *t, const char *is, const char *expected)
{
	bool different = false;

	for (size_t i = 0; i < t->field_count; i++)
		different |= field_differs(t, &t->fields[i], is, expected);
	return t->field_count ? different : !is_equal(t, is, expected);
}

int rows_compare(struct context *node, struct row_list *expected, const struct row_report *report,
		 struct error *e)
{
	const struct row_table *t = expected->table;
	struct row_list now;
	int err = t->partial ? 0 : rows_read(node, t, &now, e);

	if (err || t->partial)
		return err;
	rows_sort(expected);
	for (size_t i = 0; i < expected->count; i++) {
		const char *row = row_at(expected, i), *old = find_row(&now, row);

		if (!old || (!(t->may_stay && t->may_stay(old)) && is_different(t, old, row)))
			report_row(expected, old, row, report);
	}
	for (size_t i = 0; i < now.count; i++) {
		const char *row = row_at(&now, i);

		if (!(t->may_stay && t->may_stay(row)) && !find_row(expected, row))
			report_row(expected, row, NULL, report);
	}
	rows_free(&now);
	return 0;
}

static int write_row(struct context *node, const struct row_table *t, const void *key, const void *value,
		     struct error *e)
{
	int fd = pins_map(&node->pins, t->map);

	if (t->write)
		return t->write(node, key, value, e);
	if (value ? !bpf_map_update_elem(fd, key, value, BPF_ANY)
		  : !bpf_map_delete_elem(fd, key) || errno == ENOENT)
		return 0;
	return error_set(e, -errno, "%s: cannot write: %s; the map may be full",
			 pinned_map_names[t->map], strerror(errno));
}

/* Writes what is missing or different. */
static int write_rows(struct context *node, const struct row_list *expected, const struct row_list *now,
		      size_t *written, struct error *e)
{
	const struct row_table *t = expected->table;
	int first = 0;

	for (size_t i = 0; i < expected->count; i++) {
		const char *row = row_at(expected, i), *old = find_row(now, row);
		int err;

		if (old ? is_equal(t, old, row) : t->keys_only)
			continue;
		err = write_row(node, t, row, row + t->value_at, first ? NULL : e);
		*written += !err;
		first = first ? first : err;
	}
	return first;
}

int rows_apply(struct context *node, struct row_list *expected, struct error *e)
{
	const struct row_table *t = expected->table;
	size_t written = 0, removed = 0;
	struct row_list now;
	int err = rows_read(node, t, &now, e);

	if (err)
		return err;
	rows_sort(expected);
	err = write_rows(node, expected, &now, &written, e);
	for (size_t i = 0; i < now.count; i++)
		if (!find_row(expected, row_at(&now, i)))
			removed += !write_row(node, t, row_at(&now, i), NULL, NULL);
	/* what was removed has made room in a map that was full */
	if (err && removed)
		err = write_rows(node, expected, &now, &written, e);
	if (written || removed)
		trace("map %s: %zu rows written, %zu removed", pinned_map_names[t->map], written, removed);
	rows_free(&now);
	return err;
}

int rows_apply_keys(struct context *node, struct row_list *expected, const void *keys, size_t count,
		    struct error *e)
{
	const struct row_table *t = expected->table;
	int first = 0;

	rows_sort(expected);
	for (int removals = 0; removals < 2; removals++) {
		for (size_t i = 0; i < count; i++) {
			const void *key = (const char *)keys + i * t->key_size;
			const void *value = rows_find(expected, key);
			int err = 0;

			if (removals == !value)
				err = write_row(node, t, key, value, first ? NULL : e);
			first = first ? first : err;
		}
	}
	return first;
}
