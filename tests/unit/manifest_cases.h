/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of manifests share: heads of objects, so that a table shows just what matters. */
#ifndef PP_MANIFEST_CASES_H
#define PP_MANIFEST_CASES_H

#include <string.h>

#include "loader/manifest/manifest.h"

/* one line each, but the last: specs begin in line 4, a Namespace's or Node's metadata in line 3 */
#define POOL "apiVersion: cilium.io/v2\nkind: CiliumPodIPPool\nmetadata: {name: mars}\n"
#define NODE "apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: n1}\n"
#define NODECONFIG "apiVersion: cilium.io/v2\nkind: CiliumNodeConfig\nmetadata: {name: c}\n"
#define CONFIG "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\n"
#define MASQ "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ip-masq-agent}\n"
#define NAMESPACE "apiVersion: v1\nkind: Namespace\n"
#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: red}\n"
#define SLICE                                                                                      \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                   \
	"metadata: {name: web-1, namespace: red, labels: {kubernetes.io/service-name: web}}\n"
#define KNODE "apiVersion: v1\nkind: Node\n"
#define IPV4 POOL "spec: {ipv4: {cidrs: [10.0.0.0/16], maskSize: 24}}\n"

static inline int parse(const char *text, struct manifest *m, struct error *e)
{
	*m = (struct manifest){};
	*e = (struct error){};
	return manifest_parse("f.yaml", text, strlen(text), m, e);
}

#endif
