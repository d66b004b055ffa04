/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions below the commands never print: they return 0 or -errno and leave one sentence here,
 * "object: reason; way out", which the command says once.
 */
#ifndef PP_ERROR_H
#define PP_ERROR_H

struct error {
	char text[1024];
};

/* Formats the sentence into @e (NULL: dropped) and returns @err, so that a caller can return it. */
int error_set(struct error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the sentence in @e; returns @err. */
int error_wrap(struct error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
