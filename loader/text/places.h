/* SPDX-License-Identifier: GPL-2.0-only */
/* How the readers fill struct documents; for loader/text only. */
#ifndef PP_TEXT_PLACES_H
#define PP_TEXT_PLACES_H

#include "loader/text/text.h"

struct places *places_new(void);
void places_free(struct places *p);
/* Takes ownership of @place->written. */
void places_set_key(struct places *p, const json_t *map, const char *key, const struct place *place);
void places_set_item(struct places *p, const json_t *list, size_t index, const struct place *place);

/* Takes ownership of @root; null is left out. */
void documents_add(struct documents *d, json_t *root, const struct place *place);

/* The kind of @text with the YAML tag @tag; -EINVAL if they do not fit. An unknown tag yields a float. */
int scalar_tagged(const char *tag, const char *text, enum scalar_kind *kind);
/* A scalar as jansson's value (owned); 0 for a number that it cannot hold. */
json_t *scalar_json(enum scalar_kind kind, const char *text, size_t length);

int yaml_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e);
int json_read(const char *text, size_t length, struct documents *d, unsigned int *line,
	      struct error *e);

#endif
