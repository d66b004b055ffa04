// SPDX-License-Identifier: GPL-2.0-only
/* Kubeconfigs under libFuzzer: any text is refused with a sentence and nothing taken, or is an HTTPS server. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct material *m)
{
	if (m->data && m->data[m->length])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access access = {}, none = {};
	struct error e = {};
	int err = access_parse("f", "/d", (const char *)data, size, &access, &e);

	if (err && (!*e.text || memcmp(&access, &none, sizeof(none))))
		abort();
	if (!err && strncmp(access.server, "https://", 8))
		abort();
	check(&access.ca);
	check(&access.certificate);
	check(&access.key);
	check(&access.token);
	access_free(&access);
	return 0;
}
