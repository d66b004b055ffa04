// SPDX-License-Identifier: GPL-2.0-only
/* Kubeconfig files, and what a pod finds in itself. Contents of secrets never get into a message. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/kube/kubeconfig.h"
#include "loader/text/text.h"

#define FILE_BYTES_MAX (1u << 20)

struct source { /* a file that is being read, and the entry of it */
	const char *path, *directory;
	const json_t *root;
	const char *kind, *name; /* "user", "admin" */
	const json_t *entry;
};

static int refuse(const struct source *s, struct error *e, const char *key, const char *reason)
{
	return error_set(e, -EINVAL, "%s: %s \"%s\": %s: %s", s->path, s->kind, s->name, key, reason);
}

static char *file_read(const char *path, size_t *length, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = fd < 0 ? -errno : 0;
	char *text = xmalloc(FILE_BYTES_MAX + 1);
	ssize_t n = 1;

	*length = 0;
	while (!err && n && *length <= FILE_BYTES_MAX) {
		n = read(fd, text + *length, FILE_BYTES_MAX + 1 - *length);
		if (n < 0)
			err = -errno;
		else
			*length += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (!err && *length > FILE_BYTES_MAX)
		err = -EFBIG;
	if (err) {
		free(text);
		errno = -err;
		error_set(e, err, "%s: cannot read: %s", path, strerror(-err));
		return NULL;
	}
	text = xrealloc(text, *length + 1);
	text[*length] = 0;
	return text;
}

/* NULL if @text is not base64; line breaks are left out. */
static char *base64_decode(const char *text, size_t *length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *data = xmalloc(strlen(text) / 4 * 3 + 4);
	unsigned int bits = 0, count = 0, padding = 0;

	*length = 0;
	for (; *text; text++) {
		const char *at = strchr(digits, *text);

		if (strchr("\r\n", *text))
			continue;
		padding += *text == '=';
		if (*text != '=' && (!at || padding))
			break;
		bits = bits << 6 | (at ? (unsigned int)(at - digits) : 0);
		if (++count % 4)
			continue;
		data[(*length)++] = (char)(bits >> 16);
		data[(*length)++] = (char)(bits >> 8);
		data[(*length)++] = (char)bits;
	}
	if (*text || count % 4 || padding > 2) {
		free(data);
		return NULL;
	}
	*length -= padding;
	data[*length] = 0;
	return data;
}

/* Makes @value NULL for a key that is missing, null or "". */
static int read_string(const struct source *s, const char *key, const char **value, struct error *e)
{
	const json_t *json = json_get(s->entry, key);

	*value = json_string_value(json);
	if (json && !*value)
		return refuse(s, e, key, "expected a string");
	if (*value && !**value)
		*value = NULL;
	return 0;
}

static char *file_name(const struct source *s, const char *name)
{
	char *path;

	if (*name == '/')
		return xstrdup(name);
	if (asprintf(&path, "%s/%s", s->directory, name) < 0)
		abort();
	return path;
}

static bool is_given(const struct material *m)
{
	return m->data || m->file;
}

/* "KEY-data" goes before the file KEY. */
static int read_material(const struct source *s, const char *key, struct material *m, struct error *e)
{
	const char *data, *file;
	char data_key[64];
	int err;

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	err = read_string(s, data_key, &data, e) ?: read_string(s, key, &file, e);
	if (err)
		return err;
	if (data) {
		m->data = base64_decode(data, &m->length);
		return m->data ? 0 : refuse(s, e, data_key, "invalid base64");
	}
	m->file = file ? file_name(s, file) : NULL;
	return 0;
}

static int find_entry(struct source *s, const char *list, const char *kind, const char *name, struct error *e)
{
	const json_t *item;
	size_t i;

	s->kind = kind;
	s->name = name;
	json_array_foreach(json_get(s->root, list), i, item) {
		const char *found = json_string_value(json_get(item, "name"));

		s->entry = json_get(item, kind);
		if (found && !strcmp(found, name) && json_is_object(s->entry))
			return 0;
	}
	return error_set(e, -EINVAL, "%s: %s \"%s\" not found", s->path, kind, name);
}

/* Whatever would change who we are or whom we trust must not be left out silently. */
static int refuse_unsupported(const struct source *s, struct error *e)
{
	static const struct {
		const char *key, *reason;
	} unsupported[] = {
		{ "insecure-skip-tls-verify", "TLS is always verified; give certificate-authority" },
		{ "tls-server-name", "not supported; server must be a name or address of the certificate" },
		{ "proxy-url", "not supported; set the variable https_proxy" },
		{ "exec", "exec plugins are not supported; use a client certificate, token or tokenFile" },
		{ "auth-provider", "not supported; use a client certificate, token or tokenFile" },
		{ "username", "not supported; use a client certificate, token or tokenFile" },
		{ "password", "not supported; use a client certificate, token or tokenFile" },
		{ "as", "impersonation is not supported" },
		{ "as-uid", "impersonation is not supported" },
		{ "as-groups", "impersonation is not supported" },
		{ "as-user-extra", "impersonation is not supported" },
	};

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		const json_t *value = json_get(s->entry, unsupported[i].key);

		if (value && !json_is_false(value) && json_string_length(value) + !json_is_string(value))
			return refuse(s, e, unsupported[i].key, unsupported[i].reason);
	}
	return 0;
}

static int read_cluster(struct source *s, const char *name, struct access *access, struct error *e)
{
	const char *server;
	size_t length;
	int err = find_entry(s, "clusters", "cluster", name, e) ?: refuse_unsupported(s, e) ?:
		  read_string(s, "server", &server, e) ?:
		  read_material(s, "certificate-authority", &access->ca, e);

	if (err)
		return err;
	length = server ? strlen(server) : 0;
	while (length && server[length - 1] == '/')
		length--;
	if (length <= 8 || strncmp(server, "https://", 8) || strpbrk(server, "@?#\\\"") ||
	    strcspn(server, " \t\r\n") < length)
		return refuse(s, e, "server", "expected https://ADDRESS:PORT");
	access->server = strndup(server, length);
	if (!access->server)
		abort();
	return 0;
}

static int read_user(struct source *s, const char *name, struct access *access, struct error *e)
{
	const char *token, *file;
	int err = find_entry(s, "users", "user", name, e) ?: refuse_unsupported(s, e) ?:
		  read_material(s, "client-certificate", &access->certificate, e) ?:
		  read_material(s, "client-key", &access->key, e) ?: read_string(s, "token", &token, e) ?:
		  read_string(s, "tokenFile", &file, e);

	if (err)
		return err;
	if (is_given(&access->certificate) != is_given(&access->key))
		return refuse(s, e, "client-certificate", "certificate and client-key go together");
	if (file)
		access->token.file = file_name(s, file);
	else if (token)
		access->token = (struct material){ .data = xstrdup(token), .length = strlen(token) };
	return 0;
}

static int read_context(struct source *s, struct access *access, struct error *e)
{
	const char *name = json_string_value(json_get(s->root, "current-context")), *cluster, *user;
	int err;

	if (!name || !*name)
		return error_set(e, -EINVAL,
				 "%s: current-context is not set; run \"kubectl config use-context\"", s->path);
	err = find_entry(s, "contexts", "context", name, e) ?: read_string(s, "cluster", &cluster, e) ?:
	      read_string(s, "user", &user, e);
	if (err)
		return err;
	if (!cluster || !user)
		return refuse(s, e, cluster ? "user" : "cluster", "missing");
	return read_cluster(s, cluster, access, e) ?: read_user(s, user, access, e);
}

int access_parse(const char *path, const char *directory, const char *text, size_t length,
		 struct access *access, struct error *e)
{
	struct source s = { .path = path, .directory = directory };
	struct documents documents = {};
	unsigned int line = 0;
	int err = documents_parse(text, length, &documents, &line, e);

	if (err)
		error_wrap(e, err, "%s:%u", path, line);
	else if (documents.count != 1 || !json_is_object(documents.list[0].root))
		err = error_set(e, -EINVAL, "%s: not a kubeconfig", path);
	if (!err) {
		s.root = documents.list[0].root;
		err = read_context(&s, access, e);
	}
	documents_free(&documents);
	if (err)
		access_free(access);
	return err;
}

int access_from_file(const char *path, struct access *access, struct error *e)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? strndup(path, (size_t)(slash - path)) : xstrdup(".");
	size_t length;
	char *text = file_read(path, &length, e);
	int err = text ? access_parse(path, directory, text, length, access, e) : -errno;

	free(text);
	free(directory);
	return err;
}

int access_from_pod(const char *directory, struct access *access, struct error *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	bool brackets;

	if (!host || !*host || !port || !*port)
		return error_set(e, -ENOENT, "not in a pod (KUBERNETES_SERVICE_HOST and _PORT are not set); "
				 "use --kubeconfig FILE");
	brackets = strchr(host, ':') && *host != '[';
	if (asprintf(&access->server, brackets ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0 ||
	    asprintf(&access->ca.file, "%s/ca.crt", directory) < 0 ||
	    asprintf(&access->token.file, "%s/token", directory) < 0)
		abort();
	return 0;
}

static void material_free(struct material *m)
{
	if (m->data)
		explicit_bzero(m->data, m->length);
	free(m->data);
	free(m->file);
}

void access_free(struct access *access)
{
	free(access->server);
	material_free(&access->ca);
	material_free(&access->certificate);
	material_free(&access->key);
	material_free(&access->token);
	*access = (struct access){};
}

char *material_load(const struct material *material, const char *name, size_t *length, struct error *e)
{
	char *data;

	if (material->file) {
		data = file_read(material->file, length, e);
		if (!data)
			error_wrap(e, 0, "%s", name);
		return data;
	}
	*length = material->length;
	data = xmalloc(*length + 1);
	memcpy(data, material->data, *length + 1);
	return data;
}
