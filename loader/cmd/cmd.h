/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands. Each declares its arguments and what it needs of the node; main.c parses, opens, runs,
 * closes, and prints the error. Only commands print.
 */
#ifndef PP_CMD_H
#define PP_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/base/error.h"
#include "loader/kernel/context.h"
#include "loader/net/netlink.h"
#include "maps/objects.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

struct texts {
	const char **list;
	size_t count;
};

/* The command line, parsed: where the options of all commands go. */
struct arguments {
	bool help, verbose, version; /* before the command */
	bool all, drops, fix, prune, require_uplink, wait;
	const char *root, *state, *netns; /* before the command */
	const char *ifname, *node, *output, *owner, *pod, *pool, *seconds, *world;
	struct texts annotations, files, ips, labels, settings;
	struct texts words; /* all that is not an option */
};

enum option_flags {
	OPTION_REPEATED = 1,    /* its target is a struct texts */
	OPTION_REQUIRED = 2,
	OPTION_ALTERNATIVE = 4, /* instead of the command's words */
	OPTION_SECONDS = 8,     /* a number, 0 to UINT_MAX */
};

struct command_option {
	const char *name;     /* "filename" */
	char letter;          /* 'f', or 0 */
	const char *argument; /* as the usage line names it; NULL: a flag */
	size_t target;        /* in struct arguments: a bool, a const char * or a struct texts */
	unsigned int flags;
};

#define ARGUMENT(member) offsetof(struct arguments, member)
#define OPTIONS(...) ((const struct command_option[]){ __VA_ARGS__, {} })

enum command_needs {
	NEEDS_NODE = 1,       /* a node that is up: it is opened */
	NEEDS_INTERFACES = 2, /* the node's network namespace, and netlink */
};

struct call;

struct command {
	const char *name, *help; /* @help: one line */
	const char *keyword;     /* the one word that it has: "view"; or: */
	const char *words;       /* as the usage line names them: "KIND NAME"; NULL: none */
	unsigned int words_max;
	const char *expects;     /* the usage error of no word or too many; NULL: names the surplus one */
	const struct command_option *options;
	unsigned int needs;      /* enum command_needs */
	enum root_lock lock;
	int error_status;        /* exit status where an error is printed; 0: EXIT_FAILED */
	size_t data_size;        /* of call->data */
	/* Before the node is opened, and then. 0, -errno with a sentence, or an exit status with all printed. */
	int (*prepare)(struct call *c, struct error *e);
	int (*run)(struct call *c, struct error *e);
	void (*finish)(struct call *c); /* frees what is in call->data; always called */
};

/* A command that runs. */
struct call {
	const struct command *command;
	struct arguments args;
	unsigned int needs; /* command->needs; prepare() may add to it */
	bool is_open;
	struct context node;   /* where it is open */
	struct netlink *nl; /* NEEDS_INTERFACES */
	void *data;         /* the command's own, zeroed at first */
};

extern const struct command command_up, command_down, command_apply, command_diff, command_delete,
	command_get, command_describe, command_attach, command_detach, command_alloc, command_release,
	command_status, command_config, command_monitor, command_metrics, command_check, command_gc,
	command_connectivity, command_version;

/* For a command that opens its node itself, or again with another lock. */
int call_open(struct call *c, enum root_lock lock, struct error *e);
void call_close(struct call *c);

/* "usage: pinpool NAME WORDS [--option ARGUMENT]...", and the help. */
void print_command_help(const struct command *command);
/*
 * Reads the options of @argv, whose first one is the program or the command; @first_word: ends at the
 * first word. 0, or EXIT_USAGE after printing why.
 */
int parse_options(const struct command_option *options, bool first_word, int argc, char **argv,
		  struct arguments *args);
/* The same for c->command, with everything that it declares about its arguments. */
int parse_arguments(struct call *c, int argc, char **argv);
void arguments_free(struct arguments *args);

/* "pinpool: SENTENCE" on stderr. */
void print_error(const struct error *e);
/* "pinpool: COMMAND: what is wrong; see 'pinpool COMMAND --help'" on stderr; returns EXIT_USAGE. */
int usage_error(const struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "pinpool: SENTENCE" on stderr. */
void warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "6m46s", "9h", "3d" since @created (seconds since the epoch), as kubectl says it; @text has 16 bytes. */
const char *age_text(uint64_t created, char *text);

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
/* "2025-08-02T14:48:26Z"; @text has 32 bytes. */
const char *time_text(uint64_t seconds, char *text);

/* A copy of an object or a list, all keys sorted. */
json_t *json_sorted(const json_t *json);

/* "pool", "pools", "ciliumpodippools", "cpip", "node", "cn" …: OBJECT_NONE if it is no kind of object. */
enum object_kind kind_by_name(const char *name);
/* The name of an object as it is stored: "web" of a Service is "default/web", in @text (STORE_NAME bytes). */
const char *qualified_name(enum object_kind kind, const char *name, char *text);

#endif
