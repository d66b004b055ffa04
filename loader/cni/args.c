// SPDX-License-Identifier: GPL-2.0-only
/* CNI_ARGS, and requested addresses and MACs from several places. Pure. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/cni/cni.h"
#include "loader/manifest/schema.h"
#include "loader/base/prefix.h"
#include "loader/net/route.h" /* addr_is_zero() */

#define KEY_MAX 64
#define VALUE_MAX 512
#define POD_NAME_MAX 253

bool cni_name_is_valid(const char *name, size_t size)
{
	size_t length = strlen(name);

	if (length >= size || !isalnum((unsigned char)name[0]))
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	return true;
}

enum cni_code cni_address_add(struct addr list[FAMILIES], const char *what, const char *text,
			      struct error *e)
{
	const char *slash = strchr(text, '/');
	char ip[ADDR_TEXT];
	struct prefix prefix;
	struct addr addr;

	snprintf(ip, sizeof(ip), "%.*s", slash ? (int)(slash - text) : (int)sizeof(ip), text);
	/* A length is allowed and ignored: a pod has only its address. */
	if (addr_parse(ip, &addr) || (slash && prefix_parse(text, &prefix) < 0))
		return error_set(e, CNI_BAD_CONFIG,
				 "%s: \"%.64s\" is not an IP address; write 192.0.2.7 or 2001:db8::7", what,
				 text);
	if (!addr_is_zero(&list[addr_family(&addr)]))
		return error_set(e, CNI_BAD_CONFIG,
				 "%s: %s is a second address of its family; request one of each", what, ip);
	if (addr_is_zero(&addr))
		return error_set(e, CNI_BAD_CONFIG, "%s: %s cannot be a pod's address; request another", what,
				 ip);
	list[addr_family(&addr)] = addr;
	return CNI_OK;
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

	return c && at ? (int)(at - digits) : -1;
}

enum cni_code cni_mac_parse(uint8_t mac[6], const char *what, const char *text, struct error *e)
{
	static const uint8_t none[6];
	uint8_t read[6];
	int i;

	for (i = 0; i < 6 && strlen(text) == 17; i++) {
		const char *c = text + 3 * i;

		if (hex_value(c[0]) < 0 || hex_value(c[1]) < 0 || (i < 5 && c[2] != ':'))
			break;
		read[i] = hex_value(c[0]) << 4 | hex_value(c[1]);
	}
	if (i < 6)
		return error_set(e, CNI_BAD_CONFIG,
				 "%s: \"%.32s\" is not a MAC address; write 02:00:00:00:00:01", what, text);
	if (read[0] & 1 || !memcmp(read, none, sizeof(read)))
		return error_set(e, CNI_BAD_CONFIG,
				 "%s: %s is a multicast or zero address; choose another", what, text);
	memcpy(mac, read, sizeof(read));
	return CNI_OK;
}

/* Values collected from CNI_ARGS. */
struct args {
	char namespace[64], pod[PP_NAME], uid[64];
	struct addr requested[FAMILIES];
	uint8_t mac[6];
	char unknown_key[KEY_MAX]; /* the first unknown key; "": none */
	bool ignore_unknown;
};

static bool is_true(const char *text)
{
	return !strcasecmp(text, "true") || !strcasecmp(text, "t") || !strcmp(text, "1");
}

/* Accepts both families, separated by a comma. */
static enum cni_code parse_ips(struct args *a, char *value, struct error *e)
{
	enum cni_code code = CNI_OK;
	char *rest = NULL;

	for (char *ip = strtok_r(value, ",", &rest); ip && !code; ip = strtok_r(NULL, ",", &rest))
		code = cni_address_add(a->requested, "CNI_ARGS: IP", ip, e);
	return code ? CNI_BAD_ENVIRONMENT : CNI_OK;
}

static enum cni_code parse_name(const char *key, const char *value, char *to, size_t size,
				struct error *e)
{
	if (value[0] && !cni_name_is_valid(value, size))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_ARGS: %s=%.64s is not a name; it has at most %zu letters, digits, \"-\" and \".\"",
				 key, value, size - 1);
	snprintf(to, size, "%s", value);
	return CNI_OK;
}

static enum cni_code parse_pair(struct args *a, const char *key, char *value, struct error *e)
{
	if (!strcmp(key, "IgnoreUnknown"))
		a->ignore_unknown = is_true(value);
	else if (!strcmp(key, "K8S_POD_NAMESPACE"))
		return parse_name(key, value, a->namespace, sizeof(a->namespace), e);
	else if (!strcmp(key, "K8S_POD_NAME"))
		return parse_name(key, value, a->pod, POD_NAME_MAX + 1, e);
	else if (!strcmp(key, "K8S_POD_UID"))
		snprintf(a->uid, sizeof(a->uid), "%s", cni_name_is_valid(value, sizeof(a->uid)) ? value : "");
	else if (!strcmp(key, "IP"))
		return parse_ips(a, value, e);
	else if (!strcmp(key, "MAC"))
		return cni_mac_parse(a->mac, "CNI_ARGS: MAC", value, e) ? CNI_BAD_ENVIRONMENT : CNI_OK;
	else if (strncmp(key, "K8S_POD_", 8) && !a->unknown_key[0])
		snprintf(a->unknown_key, sizeof(a->unknown_key), "%s", key);
	return CNI_OK;
}

static enum cni_code parse_field(struct args *a, const char *field, size_t length, struct error *e)
{
	const char *equals = memchr(field, '=', length);
	char key[KEY_MAX], value[VALUE_MAX];
	size_t key_length = equals ? (size_t)(equals - field) : 0;

	if (!key_length || key_length >= sizeof(key) || length - key_length - 1 >= sizeof(value))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_ARGS: \"%.*s\" is not KEY=VALUE; separate pairs by semicolons",
				 length < 64 ? (int)length : 64, field);
	snprintf(key, sizeof(key), "%.*s", (int)key_length, field);
	snprintf(value, sizeof(value), "%.*s", (int)(length - key_length - 1), equals + 1);
	return parse_pair(a, key, value, e);
}

/*
 * A pod of Kubernetes has a namespace, and names that the API server accepts. A container of podman
 * has only a name, with capitals and "_". DEL accepts all names, because an older version may have.
 */
static enum cni_code check_names(const struct cni_request *r, const struct args *a, struct error *e)
{
	if (r->command != CNI_ADD || !a->namespace[0])
		return CNI_OK;
	if (!name_is_label(a->namespace))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_ARGS: invalid namespace K8S_POD_NAMESPACE=%s; it has lower case letters, digits and \"-\", at most 63",
				 a->namespace);
	if (a->pod[0] && !name_is_subdomain(a->pod, strlen(a->pod)))
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_ARGS: invalid pod name K8S_POD_NAME=%.64s; it has lower case letters, digits, \"-\" and \".\", at most 253",
				 a->pod);
	return CNI_OK;
}

enum cni_code cni_args_parse(struct cni_request *r, const char *args, struct error *e)
{
	static const uint8_t zero_mac[6];
	struct args a = {};
	enum cni_code code = CNI_OK;

	for (const char *field = args; *field && !code;) {
		size_t length = strcspn(field, ";");

		if (length)
			code = parse_field(&a, field, length, e);
		field += length + (field[length] == ';');
	}
	if (!code)
		code = check_names(r, &a, e);
	if (code)
		return code;
	if (a.unknown_key[0] && !a.ignore_unknown)
		return error_set(e, CNI_BAD_ENVIRONMENT,
				 "CNI_ARGS: unknown key %s; remove it or add IgnoreUnknown=1",
				 a.unknown_key);
	/* An address or MAC counts here only if no stronger source has requested one. */
	memcpy(r->namespace, a.namespace, sizeof(r->namespace));
	memcpy(r->pod, a.pod, sizeof(r->pod));
	memcpy(r->uid, a.uid, sizeof(r->uid));
	if (addr_is_zero(&r->requested[FAMILY_IPV4]) && addr_is_zero(&r->requested[FAMILY_IPV6]))
		memcpy(r->requested, a.requested, sizeof(r->requested));
	if (!memcmp(r->mac, zero_mac, sizeof(zero_mac)))
		memcpy(r->mac, a.mac, sizeof(r->mac));
	return CNI_OK;
}
