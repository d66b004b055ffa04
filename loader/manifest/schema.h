/* SPDX-License-Identifier: GPL-2.0-only */
/* Strict reading: values checked against tables of fields, and converted to normalized JSON. */
#ifndef PP_MANIFEST_SCHEMA_H
#define PP_MANIFEST_SCHEMA_H

#include "loader/manifest/manifest.h"
#include "loader/text/text.h"

enum schema_type {
	SCHEMA_UNUSED, /* accepted unchecked, left out of the JSON */
	SCHEMA_STRING,
	SCHEMA_NAME,    /* DNS subdomain */
	SCHEMA_BOOL,    /* false is left out like a missing field */
	SCHEMA_CONDITION, /* a bool whose false differs from a missing field */
	SCHEMA_NUMBER,  /* from min to max */
	SCHEMA_ADDRESS, /* canonical in the JSON, as CIDRs are */
	SCHEMA_CIDR,
	SCHEMA_LIST,    /* of @item, min to max entries (max 0: any number) */
	SCHEMA_OBJECT,  /* of @fields; unknown ones are errors, or ignored if @open */
	SCHEMA_STRINGS, /* map of strings; sorted in the JSON */
};

struct reader;

struct schema {
	enum schema_type type;
	bool open;
	long long min, max;
	const struct schema_field *fields; /* in the order of the JSON; ends without a name */
	const struct schema *item;
	const char *const *choices; /* of SCHEMA_STRING; ends with NULL */
	/* An additional check of the value; may be NULL. */
	int (*check)(struct reader *r, const json_t *json, const struct place *at);
	/* A check of each key of SCHEMA_STRINGS. */
	int (*check_key)(struct reader *r, unsigned int line, const char *key);
};

struct schema_field {
	const char *name;
	const struct schema *schema;
	bool required;
};

/* The state of a reader, for messages. */
struct reader {
	const char *file;
	char object[STORE_NAME + 32]; /* "ciliumpodippool/mars" */
	char path[512];            /* "spec.ipv4.cidrs[3]" */
	unsigned int first_line;   /* of the value whose text is being read; else 0 */
	bool one_line;             /* all of that text is in first_line */
	bool lenient;              /* unknown fields are left out with a warning */
	const struct documents *d; /* has the places of the values being read */
	struct place top;          /* of the document */
	struct manifest *m;        /* takes the warnings */
	struct error *e;
};

/* Reports "file:line: object: path: sentence", without a line 0; returns -EINVAL. */
int reader_error(struct reader *r, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void reader_warn(struct reader *r, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds ".name" to the path; returns the length that reader_leave() restores. */
size_t reader_enter(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reader_leave(struct reader *r, size_t length);

/* Replaces control characters that a terminal would obey, so that messages may quote any text. */
void make_printable(char *text);

/* The place of a field or an item; the document's place if there is none, as in JSON. */
const struct place *field_place(const struct reader *r, const json_t *map, const char *key);
const struct place *item_place(const struct reader *r, const json_t *list, size_t index);
/* The line of @path in the document @json. */
unsigned int field_line(const struct reader *r, const json_t *json, const char *path);

/*
 * Checks @in, which stands at @at: 0 with the normalized JSON in @out (owned; NULL for a value that
 * is left out) or -EINVAL with the sentence.
 */
int schema_read(struct reader *r, const struct schema *schema, const json_t *in,
		const struct place *at, json_t **out);

/* json_object_set_new() that cannot fail. */
void json_put(json_t *object, const char *key, json_t *value);

/* RFC 1123 subdomain of 1 to 253 bytes */
bool name_is_subdomain(const char *name, size_t length);
/* RFC 1123 label of 1 to 63 bytes: a namespace's name */
bool name_is_label(const char *name);

/* check_key of labels and annotations, and of options */
int check_label_key(struct reader *r, unsigned int line, const char *key);
int check_data_key(struct reader *r, unsigned int line, const char *key);

extern const struct schema schema_labels, schema_label_selector;

#endif
