/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands, and what main.c has read before any of them runs. Only commands print. */
#ifndef PP_CMD_H
#define PP_CMD_H

#include <stdbool.h>

#include "loader/base/error.h"
#include "loader/kernel/context.h"
#include "maps/objects.h"

struct globals {
	const char *root;  /* --root, PINPOOL_ROOT, PP_ROOT */
	const char *state; /* --state, PINPOOL_STATE; NULL: by the root's name */
};

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

struct command {
	const char *name;
	int (*run)(const struct globals *globals, int argc, char **argv); /* argv[0] is the command */
	const char *arguments; /* for usage */
	const char *help;      /* one line */
};

extern const struct command commands[]; /* ends with a NULL name */

int cmd_up(const struct globals *g, int argc, char **argv);
int cmd_down(const struct globals *g, int argc, char **argv);
int cmd_apply(const struct globals *g, int argc, char **argv);
int cmd_diff(const struct globals *g, int argc, char **argv);
int cmd_delete(const struct globals *g, int argc, char **argv);
int cmd_get(const struct globals *g, int argc, char **argv);
int cmd_describe(const struct globals *g, int argc, char **argv);
int cmd_attach(const struct globals *g, int argc, char **argv);
int cmd_detach(const struct globals *g, int argc, char **argv);
int cmd_alloc(const struct globals *g, int argc, char **argv);
int cmd_release(const struct globals *g, int argc, char **argv);
int cmd_status(const struct globals *g, int argc, char **argv);
int cmd_config(const struct globals *g, int argc, char **argv);
int cmd_monitor(const struct globals *g, int argc, char **argv);
int cmd_metrics(const struct globals *g, int argc, char **argv);
int cmd_check(const struct globals *g, int argc, char **argv);
int cmd_gc(const struct globals *g, int argc, char **argv);
int cmd_connectivity(const struct globals *g, int argc, char **argv);
int cmd_version(const struct globals *g, int argc, char **argv);

/* "pinpool: SENTENCE" on stderr; returns EXIT_FAILED. */
int fail(const struct error *e);
/* "pinpool: COMMAND: what is wrong; usage …" on stderr; returns EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "pinpool: SENTENCE, ignoring" on stderr. */
void warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Flushes stdout; EXIT_FAILED with a message if what was printed did not get out (a full disk, a closed pipe). */
int finish_output(int status);

/* Opens the node; on failure says why and returns false. @interfaces: refuse another network namespace. */
bool open_node(struct node *node, const struct globals *g, enum root_lock lock, bool interfaces);

/* "6m46s", "9h", "3d" since @created (seconds since the epoch), as kubectl says it; @text has 16 bytes. */
const char *age_text(uint64_t created, char *text);

/* "pool", "pools", "ciliumpodippools", "cpip", "node", "cn" …: OBJECT_NONE if it is no kind of object. */
enum object_kind kind_by_name(const char *name);

#endif
