// SPDX-License-Identifier: GPL-2.0-only
/* What a request says and whom it trusts. A rotated token, certificate or CA is used by the next request. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kube/request.h"

#define CONNECT_MS 10000L
#define DEAD_PEER_S 30 /* a peer that does not answer is given up after so long, and 3 probes */

static int set_keepalive(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int on = 1, idle = DEAD_PEER_S, interval = 5, count = 3;
	unsigned int unacknowledged = DEAD_PEER_S * 1000;

	(void)arg;
	(void)purpose;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof(unacknowledged));
	return CURL_SOCKOPT_OK;
}

static int set_blob(CURL *easy, CURLoption option, const struct material *m, const char *name,
		    struct error *e)
{
	struct curl_blob blob = { .flags = CURL_BLOB_COPY };

	if (!m->data && !m->file)
		return 0;
	blob.data = material_load(m, name, &blob.len, e);
	if (!blob.data)
		return -EIO;
	if (curl_easy_setopt(easy, option, &blob))
		abort();
	explicit_bzero(blob.data, blob.len);
	free(blob.data);
	return 0;
}

static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
	char *line;
	struct curl_slist *longer;

	if (asprintf(&line, "%s%s", name, value) < 0)
		abort();
	longer = curl_slist_append(*headers, line);
	if (!longer)
		abort();
	*headers = longer;
	explicit_bzero(line, strlen(line));
	free(line);
}

/* Whatever cannot end the header. */
static bool is_token(const char *token, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)token[i]))
			return false;
	return length;
}

static int add_token(struct curl_slist **headers, const struct material *m, struct error *e)
{
	size_t length;
	char *token;
	int err = 0;

	if (!m->data && !m->file)
		return 0;
	token = material_load(m, "token", &length, e);
	if (!token)
		return -EIO;
	while (length && isspace((unsigned char)token[length - 1]))
		token[--length] = 0;
	if (!is_token(token, length))
		err = error_set(e, -EINVAL, "token: %s", length ? "invalid character" : "empty");
	else
		add_header(headers, "Authorization: Bearer ", token);
	explicit_bzero(token, length);
	free(token);
	return err;
}

static int set_identity(CURL *easy, const struct access *access, struct error *e)
{
	int err = 0;

	if (access->ca.data || access->ca.file) {
		/* libcurl would trust the system's authorities besides. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		err = set_blob(easy, CURLOPT_CAINFO_BLOB, &access->ca, "certificate authority", e);
	}
	if (!err)
		err = set_blob(easy, CURLOPT_SSLCERT_BLOB, &access->certificate, "client certificate", e);
	return err ? err : set_blob(easy, CURLOPT_SSLKEY_BLOB, &access->key, "client key", e);
}

static void set_options(CURL *easy, const struct access *access, const struct request *r)
{
	char *url;

	if (asprintf(&url, "%s%s", access->server, r->path) < 0)
		abort();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	if (r->body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pinpool/" VERSION);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_keepalive);
}

CURL *request_new(const struct access *access, const struct request *r, struct curl_slist **headers,
		  struct error *e)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		abort();
	*headers = NULL;
	set_options(easy, access, r);
	add_header(headers, "Accept: ", r->accept ? r->accept : "application/json");
	if (r->body) {
		add_header(headers, "Content-Type: ", r->type ? r->type : "application/json");
		add_header(headers, "Expect:", ""); /* no 100-continue */
	}
	if (set_identity(easy, access, e) || add_token(headers, &access->token, e)) {
		curl_easy_cleanup(easy);
		curl_slist_free_all(*headers);
		return NULL;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	return easy;
}
