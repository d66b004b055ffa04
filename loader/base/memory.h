/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * malloc, calloc, realloc and strdup that abort without memory. The state is in the kernel, so a
 * process may end anywhere.
 */
#ifndef PP_MEMORY_H
#define PP_MEMORY_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
/*
 * Room for one more element of @size bytes after the @count that the list has. The room is the next power
 * of two, so a list that grows by this alone needs no field for it; the caller frees it.
 */
void *xgrow(void *list, size_t count, size_t size);
char *xstrdup(const char *text);

/*
 * Gives back what a resident process needed for its start alone: free heap, and pages of programs and
 * libraries, which come back when they are touched. Takes a millisecond.
 */
void memory_release(void);

#endif
