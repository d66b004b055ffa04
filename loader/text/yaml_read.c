// SPDX-License-Identifier: GPL-2.0-only
/*
 * YAML to trees, from libyaml's events. An alias shares its anchor's tree, so that reading is
 * cheap; what all of them would be when written out is counted, for whoever walks the tree pays it.
 */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "loader/text/yaml_build.h"

#define ANCHORS_MAX 1024 /* of one document: looking one up is a linear search */

struct anchor {
	const char *name;
	struct tree *tree;
};

struct yaml_reader {
	struct documents *d;
	const char *text;
	size_t length;
	yaml_parser_t parser;
	yaml_event_t event; /* the present one */
	struct growing anchors;
	size_t expanded;
	unsigned int *line;
	struct error *e;
};

static unsigned int event_line(const struct yaml_reader *r)
{
	return r->event.start_mark.line + 1;
}

#define reader_fail(r, at, ...) (*(r)->line = (at), error_set((r)->e, -EINVAL, __VA_ARGS__))

static bool indented_with_tab(const struct yaml_reader *r, size_t line)
{
	const char *text = r->text, *end = r->text + r->length;

	for (; line && text < end; text++)
		line -= *text == '\n';
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

static int syntax_error(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line;

	if (p->error == YAML_READER_ERROR) { /* has no mark */
		line = 0;
		for (size_t i = 0; i < p->problem_offset && i < r->length; i++)
			line += r->text[i] == '\n';
	} else if (indented_with_tab(r, line)) {
		return reader_fail(r, line + 1, "indented with a tab; use spaces");
	}
	if (p->context)
		return reader_fail(r, line + 1, "not valid YAML: %s %s (line %zu)", p->problem,
				   p->context, p->context_mark.line + 1);
	return reader_fail(r, line + 1, "not valid YAML: %s",
			   p->problem ? p->problem : "no memory");
}

static int next_event(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		memset(&r->event, 0, sizeof(r->event));
		return syntax_error(r);
	}
	return 0;
}

static int read_node(struct yaml_reader *r, unsigned int depth, struct tree **tree);

static int add_anchor(struct yaml_reader *r, const yaml_char_t *name, struct tree *tree)
{
	struct anchor *anchor;

	if (!name)
		return 0;
	if (r->anchors.count == ANCHORS_MAX)
		return reader_fail(r, event_line(r), "more than %d anchors; write the values out",
				   ANCHORS_MAX);
	anchor = growing_add(r->d, &r->anchors, sizeof(*anchor));
	anchor->name = arena_text(r->d, (const char *)name, strlen((const char *)name));
	anchor->tree = tree;
	return 0;
}

static int read_alias(struct yaml_reader *r, struct tree **tree)
{
	const struct anchor *anchors = (const struct anchor *)r->anchors.data;
	const char *name = (const char *)r->event.data.alias.anchor;
	size_t i = r->anchors.count;

	while (i && strcmp(anchors[i - 1].name, name)) /* the last of a name counts */
		i--;
	if (!i)
		return reader_fail(r, event_line(r), "alias *%.100s has no anchor", name);
	*tree = anchors[i - 1].tree;
	if (!(*tree)->weight)
		return reader_fail(r, event_line(r), "alias *%.100s stands inside its own anchor",
				   name);
	r->expanded += (*tree)->weight;
	if (r->expanded > TREE_ALIAS_MAX)
		return reader_fail(r, event_line(r),
				   "aliases stand for more than %u MB; write the values out",
				   TREE_ALIAS_MAX >> 20);
	return 0;
}

/* What a tag says of @text; -EINVAL for one that contradicts it. */
static int tagged_kind(const char *tag, const char *text, enum tree_kind *kind)
{
	static const struct {
		const char *tag;
		enum tree_kind kind;
	} tags[] = {
		{ YAML_NULL_TAG, TREE_NULL }, { YAML_BOOL_TAG, TREE_BOOL },
		{ YAML_INT_TAG, TREE_INT }, { YAML_FLOAT_TAG, TREE_FLOAT },
	};

	*kind = TREE_STRING;
	if (!strcmp(tag, YAML_STR_TAG) || !strcmp(tag, "!"))
		return 0;
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		if (strcmp(tag, tags[i].tag))
			continue;
		*kind = tags[i].kind;
		return scalar_kind(text) == *kind ||
		       (*kind == TREE_FLOAT && scalar_kind(text) == TREE_INT) ? 0 : -EINVAL;
	}
	*kind = TREE_OTHER;
	return 0;
}

static int read_scalar(struct yaml_reader *r, struct tree **tree)
{
	const char *text = (const char *)r->event.data.scalar.value;
	const char *tag = (const char *)r->event.data.scalar.tag;
	size_t length = r->event.data.scalar.length;
	yaml_scalar_style_t style = r->event.data.scalar.style;
	enum tree_kind kind = TREE_STRING;

	if (memchr(text, 0, length))
		return reader_fail(r, event_line(r), "a string has a NUL in it; remove it");
	if (tag && tagged_kind(tag, text, &kind))
		return reader_fail(r, event_line(r), "\"%.100s\" does not fit its tag %.100s", text,
				   tag);
	if (!tag && style == YAML_PLAIN_SCALAR_STYLE)
		kind = scalar_kind(text);
	*tree = tree_scalar(r->d, kind, event_line(r), text, length);
	(*tree)->plain = style == YAML_PLAIN_SCALAR_STYLE;
	(*tree)->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
	return add_anchor(r, r->event.data.scalar.anchor, *tree);
}

static int read_list(struct yaml_reader *r, unsigned int depth, struct tree **tree)
{
	struct growing items = {};
	int err;

	*tree = tree_new(r->d, TREE_LIST, event_line(r));
	err = add_anchor(r, r->event.data.sequence_start.anchor, *tree);
	while (!err) {
		struct tree *item;

		err = next_event(r);
		if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		err = read_node(r, depth, &item);
		if (!err)
			*(struct tree **)growing_add(r->d, &items, sizeof(item)) = item;
	}
	if (!err)
		tree_finish_list(*tree, &items);
	return err;
}

#define NO_MERGE "<< wants a map or a list of maps; quote the key if it is none"

/* <<: the pairs of a map, or of a list of maps, that the map has not itself */
static int add_merged(struct yaml_reader *r, struct growing *merged, const struct tree *from)
{
	if (from->kind == TREE_MAP) {
		for (size_t i = 0; i < from->count; i++)
			*(struct tree_pair *)growing_add(r->d, merged, sizeof(struct tree_pair)) =
				from->pairs[i];
		return 0;
	}
	for (size_t i = 0; from->kind == TREE_LIST && i < from->count; i++) {
		if (from->items[i]->kind != TREE_MAP)
			return reader_fail(r, from->items[i]->line, NO_MERGE);
		add_merged(r, merged, from->items[i]);
	}
	if (from->kind != TREE_LIST)
		return reader_fail(r, from->line, NO_MERGE);
	return 0;
}

static int read_pair(struct yaml_reader *r, unsigned int depth, struct growing *pairs,
		     struct growing *merged)
{
	struct tree *key, *value;
	struct tree_pair *pair;
	int err;

	err = read_node(r, depth, &key);
	if (err)
		return err;
	if (key->kind == TREE_LIST || key->kind == TREE_MAP)
		return reader_fail(r, key->line, "a key is %s; it must be a string",
				   tree_kind_name(key->kind));
	err = next_event(r);
	if (!err)
		err = read_node(r, depth, &value);
	if (err)
		return err;
	if (key->plain && !strcmp(key->text, "<<"))
		return add_merged(r, merged, value);
	pair = growing_add(r->d, pairs, sizeof(*pair));
	*pair = (struct tree_pair){ key->text, key->kind, key->line, value };
	return 0;
}

static int read_map(struct yaml_reader *r, unsigned int depth, struct tree **tree)
{
	struct growing pairs = {}, merged = {};
	size_t own;
	int err;

	*tree = tree_new(r->d, TREE_MAP, event_line(r));
	err = add_anchor(r, r->event.data.mapping_start.anchor, *tree);
	while (!err) {
		err = next_event(r);
		if (err || r->event.type == YAML_MAPPING_END_EVENT)
			break;
		err = read_pair(r, depth, &pairs, &merged);
	}
	if (err)
		return err;
	own = pairs.count;
	for (size_t i = 0; i < merged.count; i++)
		*(struct tree_pair *)growing_add(r->d, &pairs, sizeof(struct tree_pair)) =
			((struct tree_pair *)merged.data)[i];
	return tree_finish_map(r->d, *tree, &pairs, own, r->line, r->e);
}

static int read_node(struct yaml_reader *r, unsigned int depth, struct tree **tree)
{
	if (depth == TREE_DEPTH_MAX)
		return reader_fail(r, event_line(r), "nested deeper than %d levels",
				   TREE_DEPTH_MAX);
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		return read_alias(r, tree);
	case YAML_SCALAR_EVENT:
		return read_scalar(r, tree);
	case YAML_SEQUENCE_START_EVENT:
		return read_list(r, depth + 1, tree);
	default:
		return read_map(r, depth + 1, tree);
	}
}

static int read_stream(struct yaml_reader *r)
{
	struct tree *root;
	int err;

	do {
		err = next_event(r);
		if (!err && r->event.type == YAML_DOCUMENT_START_EVENT) {
			r->anchors.count = 0;
			err = next_event(r);
			if (!err)
				err = read_node(r, 0, &root);
			if (!err)
				documents_add(r->d, root);
		}
	} while (!err && r->event.type != YAML_STREAM_END_EVENT);
	return err;
}

/* libyaml would take UTF-16, and names no line for what is no UTF-8 */
static int check_text(struct yaml_reader *r)
{
	const char *end = r->text + r->length;
	unsigned int line = 1;
	size_t n;

	for (const char *s = r->text; s < end; s += n) {
		n = utf8_length(s, end);
		if (!n || !*s)
			return reader_fail(r, line, "%s; a manifest is a text file in UTF-8",
					   n ? "a NUL byte" : "not valid UTF-8");
		line += *s == '\n';
	}
	return 0;
}

int yaml_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e)
{
	struct yaml_reader r = { .d = d, .text = text, .length = length, .line = line, .e = e };
	int err;

	err = check_text(&r);
	if (err)
		return err;
	if (!yaml_parser_initialize(&r.parser))
		return reader_fail(&r, 1, "no memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
	err = read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return err;
}
