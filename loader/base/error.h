/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions below the commands never print. They return 0 or -errno and store one sentence in
 * struct error, "object: reason; way out", which the command prints once.
 */
#ifndef PP_ERROR_H
#define PP_ERROR_H

struct error {
	char text[1024];
};

/* Formats the sentence into @e (NULL: dropped) and returns @err. */
int error_set(struct error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prefixes the sentence in @e with "what: "; returns @err. */
int error_wrap(struct error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The first negative result of several steps, else the last positive one, else 0. */
static inline int first_error(int first, int err)
{
	return first < 0 || !err ? first : err;
}

#endif
