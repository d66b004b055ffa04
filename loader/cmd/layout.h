/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PP_DESCRIBE_H
#define PP_DESCRIBE_H

#include <jansson.h>

/*
 * Prints an object as `kubectl describe` lays it out, in the order of its keys: "maskSize" as "Mask Size:",
 * values aligned in runs of lines; a string's further lines below its first, a list in a list indented.
 */
void describe_print(const json_t *description);

#endif
