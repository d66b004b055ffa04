/* SPDX-License-Identifier: GPL-2.0-only */
/* How to reach an API server: from a kubeconfig, or from within a pod. */
#ifndef PP_KUBE_KUBECONFIG_H
#define PP_KUBE_KUBECONFIG_H

#include <stddef.h>

#include "loader/base/error.h"

/* Bytes of the configuration itself, or a file that may change; neither: not given. Owned. */
struct material {
	char *data, *file;
	size_t length; /* of @data, which also ends with a NUL */
};

struct access {
	char *server; /* "https://ADDRESS:PORT", no slash at the end */
	struct material ca, certificate, key, token;
};

/* Reads the current context of @path; -EINVAL or the reason of open() with the object in @e. Exec plugins,
 * unverified TLS and other ways in that are not supported are refused by name. */
int access_from_file(const char *path, struct access *access, struct error *e);
/* Reads @text, whose relative file names are in @directory; errors name @path. */
int access_parse(const char *path, const char *directory, const char *text, size_t length,
		 struct access *access, struct error *e);
/* In a pod: KUBERNETES_SERVICE_HOST and _PORT, and token and ca.crt in @directory. */
int access_from_pod(const char *directory, struct access *access, struct error *e);
void access_free(struct access *access);

/*
 * The current bytes of @material (malloc, with a NUL behind @length), read from its file if it is one; NULL
 * with @e if that fails. @name is for the error.
 */
char *material_load(const struct material *material, const char *name, size_t *length, struct error *e);

#endif
