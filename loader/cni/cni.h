/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call of the CNI plugin: its request, read from the environment and standard input, and its
 * commands. All functions return a code of the specification (CNI_OK: done) and, except for CNI_OK,
 * a sentence. Only cni.c prints.
 */
#ifndef PP_CNI_H
#define PP_CNI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/base/error.h"
#include "maps/abi.h"
#include "maps/addr.h"

enum cni_code {
	CNI_OK = 0,
	/* the specification's codes */
	CNI_VERSION_UNSUPPORTED = 1,
	CNI_FIELD_UNSUPPORTED = 2,
	CNI_CONTAINER_UNKNOWN = 3,
	CNI_BAD_ENVIRONMENT = 4, /* the sentence names the variables */
	CNI_IO_FAILURE = 5,
	CNI_BAD_JSON = 6,
	CNI_BAD_CONFIG = 7,
	CNI_TRY_AGAIN = 11,
	CNI_UNAVAILABLE = 50, /* STATUS: no ADD can succeed */
	CNI_LIMITED = 51,     /* STATUS: and running pods may have no network, too */
	/* pinpool's codes (pinpool-cni(8), EXIT STATUS) */
	CNI_NO_POOL = 100,
	CNI_EXHAUSTED = 101,
	CNI_NO_ADDRESS = 102,
	CNI_NODE_NOT_UP = 103,
	CNI_OTHER_ABI = 104,
	CNI_DAMAGED = 105, /* CHECK: differs from ADD's work */
	CNI_UNLISTED = 106, /* a new block is needed, and the list on disk cannot be written */
	CNI_INTERNAL = 999,
};

enum cni_command {
	CNI_VERSION,
	CNI_ADD,
	CNI_DEL,
	CNI_CHECK,
	CNI_STATUS,
	CNI_GC,
	CNI_COMMANDS, /* none of them */
};

enum cni_version { CNI_0_3_1, CNI_0_4_0, CNI_1_0_0, CNI_1_1_0, CNI_VERSIONS };

#define CNI_NEWEST (CNI_VERSIONS - 1)

extern const char *const cni_version_names[CNI_VERSIONS];

/* The variables of the environment; NULL: not set. */
struct cni_environment {
	const char *command, *container, *netns, *ifname, *args;
};

struct cni_request {
	enum cni_command command;
	enum cni_version version;
	const char *container, *netns, *ifname; /* from the environment; netns may be "" (DEL) */
	/* from the configuration; they live as long as .config */
	const char *network, *root, *pool, *log_file; /* pool, log_file: NULL or a name */
	uint32_t mtu;                                 /* 0: the node's */
	uint32_t wait;                                /* seconds; on a managed node */
	const json_t *annotations, *dns, *previous;   /* or NULL */
	const json_t *valid;                          /* GC: attachments to keep; NULL: unknown */
	/* from environment or configuration */
	char namespace[64], pod[PP_NAME]; /* "": none */
	char uid[64];                     /* of the pod; "": none */
	struct addr requested[FAMILIES];     /* all zero: any */
	uint8_t mac[6];                   /* all zero: ours */
	bool host_ports;                  /* a later plugin maps ports of the host to the pod */
	bool shaped;                      /* a later plugin limits the pod's rates */
	json_t *config;
};

/*
 * Reads a call; pure. @config is standard input. After an error the fields read before it are set,
 * the version first: the error object needs it. The caller always calls cni_request_free().
 */
enum cni_code cni_request_parse(struct cni_request *r, const struct cni_environment *env,
				const char *config, size_t length, struct error *e);
void cni_request_free(struct cni_request *r);

/* Reads CNI_ARGS into r->namespace, pod, uid, requested and mac if these are not set yet (args.c). */
enum cni_code cni_args_parse(struct cni_request *r, const char *args, struct error *e);
/* Adds "192.0.2.7" or "192.0.2.7/24", one of each family; errors name @what. CNI_BAD_CONFIG. */
enum cni_code cni_address_add(struct addr list[FAMILIES], const char *what, const char *text,
			      struct error *e);
/* Reads "02:00:00:00:00:01". CNI_BAD_CONFIG. */
enum cni_code cni_mac_parse(uint8_t mac[6], const char *what, const char *text, struct error *e);
/* Letters, digits, "_", "." and "-", beginning with a letter or digit, less than @size bytes. */
bool cni_name_is_valid(const char *name, size_t size);

/* The commands. *result is the text for standard output (the caller owns it), NULL: none. */
enum cni_code cni_add(const struct cni_request *r, json_t **result, struct error *e);
enum cni_code cni_del(const struct cni_request *r, struct error *e);
enum cni_code cni_check(const struct cni_request *r, struct error *e);
enum cni_code cni_status(const struct cni_request *r, struct error *e);
enum cni_code cni_gc(const struct cni_request *r, struct error *e);

/* The code for an -errno of the rooms below. */
enum cni_code cni_code_of(int err);

#endif
