// SPDX-License-Identifier: GPL-2.0-only
/* Kubeconfigs: which are taken, which are refused and how, and what a pod finds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/kube/kubeconfig.h"
#include "tests/lib/tap.h"

#define HEAD "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
#define CLUSTER "clusters: [{name: c, cluster: {server: \"https://h:1\", certificate-authority: ca.crt}}]\n"
#define USER "users: [{name: u, user: {token: secret-token}}]\n"

static const struct {
	const char *name, *text;
	const char *error; /* NULL: taken */
} cases[] = {
	{ "token", HEAD CLUSTER USER, NULL },
	{ "JSON", "{\"current-context\": \"x\", \"contexts\": [{\"name\": \"x\", \"context\": {\"cluster\": \"c\", \"user\": \"u\"}}],"
	  "\"clusters\": [{\"name\": \"c\", \"cluster\": {\"server\": \"https://h:1/\"}}], \"users\": [{\"name\": \"u\", \"user\": {}}]}",
	  NULL },
	{ "nobody in particular", HEAD CLUSTER "users: [{name: u, user: {}}]\n", NULL },
	{ "not set means not there", HEAD "clusters: [{name: c, cluster: {server: 'https://h:1', proxy-url: '', "
	  "insecure-skip-tls-verify: false, tls-server-name: null}}]\nusers: [{name: u, user: {exec: null, username: ''}}]\n", NULL },
	{ "others' contexts do not matter", HEAD CLUSTER "users: [{name: v, user: {exec: {command: x}}}, {name: u, user: {token: t}}]\n",
	  NULL },
	{ "not YAML", "a: [", "cfg:2: not valid YAML" },
	{ "a list", "- a\n", "cfg: not a kubeconfig" },
	{ "empty", "", "cfg: not a kubeconfig" },
	{ "no context", CLUSTER USER, "cfg: current-context is not set; run \"kubectl config use-context\"" },
	{ "unknown context", "current-context: other\ncontexts: []\n" CLUSTER USER, "cfg: context \"other\" not found" },
	{ "unknown cluster", HEAD USER "clusters: []\n", "cfg: cluster \"c\" not found" },
	{ "unknown user", HEAD CLUSTER "users: [{name: v, user: {}}]\n", "cfg: user \"u\" not found" },
	{ "context without a user", "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n" CLUSTER USER,
	  "cfg: context \"x\": user: missing" },
	{ "exec", HEAD CLUSTER "users: [{name: u, user: {exec: {command: aws, env: []}}}]\n",
	  "cfg: user \"u\": exec: exec plugins are not supported; use a client certificate, token or tokenFile" },
	{ "auth-provider", HEAD CLUSTER "users: [{name: u, user: {auth-provider: {name: gcp}}}]\n", "cfg: user \"u\": auth-provider: not" },
	{ "password", HEAD CLUSTER "users: [{name: u, user: {username: a, password: secret-token}}]\n", "cfg: user \"u\": username: not" },
	{ "impersonation", HEAD CLUSTER "users: [{name: u, user: {token: t, as: root}}]\n", "cfg: user \"u\": as: impersonation" },
	{ "insecure", HEAD USER "clusters: [{name: c, cluster: {server: 'https://h', insecure-skip-tls-verify: true}}]\n",
	  "cfg: cluster \"c\": insecure-skip-tls-verify: TLS is always verified; give certificate-authority" },
	{ "tls-server-name", HEAD USER "clusters: [{name: c, cluster: {server: 'https://h', tls-server-name: x}}]\n",
	  "cfg: cluster \"c\": tls-server-name: not supported" },
	{ "plain HTTP", HEAD USER "clusters: [{name: c, cluster: {server: 'http://h:1'}}]\n",
	  "cfg: cluster \"c\": server: expected https://ADDRESS:PORT" },
	{ "no server", HEAD USER "clusters: [{name: c, cluster: {}}]\n", "cfg: cluster \"c\": server: expected" },
	{ "a server with a user", HEAD USER "clusters: [{name: c, cluster: {server: 'https://a:b@h'}}]\n", "cfg: cluster \"c\": server: " },
	{ "a server with a line break", HEAD USER "clusters: [{name: c, cluster: {server: \"https://h\\r\\nX: y\"}}]\n",
	  "cfg: cluster \"c\": server: " },
	{ "a token that is a number", HEAD CLUSTER "users: [{name: u, user: {token: 123}}]\n", "cfg: user \"u\": token: expected a string" },
	{ "a certificate without its key", HEAD CLUSTER "users: [{name: u, user: {client-certificate: a}}]\n",
	  "cfg: user \"u\": client-certificate: certificate and client-key go together" },
	{ "a key without its certificate", HEAD CLUSTER "users: [{name: u, user: {client-key-data: YQ==}}]\n",
	  "cfg: user \"u\": client-certificate: " },
	{ "data that is not base64", HEAD USER "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: 'a*=='}}]\n",
	  "cfg: cluster \"c\": certificate-authority-data: invalid base64" },
	{ "data that is not complete", HEAD USER "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: YWE}}]\n",
	  "cfg: cluster \"c\": certificate-authority-data: invalid base64" },
};

static int parse(const char *text, struct access *access, struct error *e)
{
	return access_parse("cfg", "/dir", text, strlen(text), access, e);
}

static void test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *want = cases[i].error;
		struct access access = {};
		struct error e = {};
		int err = parse(cases[i].text, &access, &e);

		ok(want ? err && !strncmp(e.text, want, strlen(want)) : !err, "%s: %s", cases[i].name, e.text);
		ok(!strstr(e.text, "secret"), "no secret in the message");
		if (err)
			ok(!access.server && !access.token.data, "nothing is left behind");
		access_free(&access);
	}
}

static bool is_file(const struct material *m, const char *path)
{
	return m->file && !strcmp(m->file, path) && !m->data;
}

static void test_contents(void)
{
	struct access access = {};
	struct error e = {};

	ok(!parse(HEAD CLUSTER USER, &access, &e) && !strcmp(access.server, "https://h:1"), "the server");
	ok(is_file(&access.ca, "/dir/ca.crt"), "a relative file is beside the kubeconfig");
	ok(!strcmp(access.token.data, "secret-token") && access.token.length == 12, "the token");
	access_free(&access);
	ok(!parse(HEAD "clusters: [{name: c, cluster: {server: 'https://[::1]:6443/k/', certificate-authority: /etc/ca, "
		  "certificate-authority-data: \"YWJj\\nZGU=\"}}]\n"
		  "users: [{name: u, user: {token: t, tokenFile: /run/t, client-certificate-data: YQ==, client-key: k}}]\n", &access, &e),
	   "data and files: %s", e.text);
	ok(!strcmp(access.server, "https://[::1]:6443/k"), "a path, without its last slash");
	ok(access.ca.length == 5 && !memcmp(access.ca.data, "abcde", 6) && !access.ca.file, "data goes before a file");
	ok(is_file(&access.token, "/run/t"), "tokenFile goes before token");
	ok(access.certificate.length == 1 && *access.certificate.data == 'a' && is_file(&access.key, "/dir/k"), "data beside a file");
	access_free(&access);
}

static void test_pod(void)
{
	struct access access = {};
	struct error e = {};

	unsetenv("KUBERNETES_SERVICE_HOST");
	ok(access_from_pod("/sa", &access, &e) && strstr(e.text, "--kubeconfig FILE"), "not in a pod: %s", e.text);
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	ok(!access_from_pod("/sa", &access, &e) && !strcmp(access.server, "https://[fd00::1]:443"), "IPv6 has brackets");
	ok(is_file(&access.ca, "/sa/ca.crt") && is_file(&access.token, "/sa/token"), "token and CA");
	access_free(&access);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	ok(!access_from_pod("/sa", &access, &e) && !strcmp(access.server, "https://10.96.0.1:443"), "IPv4 has none");
	access_free(&access);
}

static void test_files(void)
{
	char path[] = "/tmp/pinpool-kubeconfig-XXXXXX", text[128];
	struct material m = { .file = path };
	struct access access = {};
	struct error e = {};
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	size_t length;
	char *data;

	fputs("one\n", f);
	fflush(f);
	data = material_load(&m, "token", &length, &e);
	ok(data && length == 4 && !strcmp(data, "one\n"), "a file's bytes");
	free(data);
	ok(access_from_file(path, &access, &e) == -EINVAL && strstr(e.text, "not a kubeconfig"), "read from a file: %s", e.text);
	rewind(f);
	fputs("other\n", f);
	fclose(f);
	data = material_load(&m, "token", &length, &e);
	ok(data && !strcmp(data, "other\n"), "and when they have changed");
	free(data);
	if (truncate(path, 2 << 20))
		abort();
	ok(!material_load(&m, "token", &length, &e) && strstr(e.text, "too large"), "too large: %s", e.text);
	unlink(path);
	snprintf(text, sizeof(text), "token: %s: cannot read: No such file or directory", path);
	ok(!material_load(&m, "token", &length, &e) && !strcmp(e.text, text), "gone: %s", e.text);
	ok(access_from_file(path, &access, &e) == -ENOENT && strstr(e.text, path), "no kubeconfig: %s", e.text);
}

int main(void)
{
	test_cases();
	test_contents();
	test_pod();
	test_files();
	return tap_done();
}
