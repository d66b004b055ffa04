/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who of several operators leads: a Lease of coordination.k8s.io, the same as cilium-operator's, so that
 * these exclude each other. Durations are measured by each process's own clock: the machines' may differ.
 */
#ifndef PP_KUBE_OPERATOR_LEASE_H
#define PP_KUBE_OPERATOR_LEASE_H

#include "loader/kube/api.h"

#define LEASE_NAME "cilium-operator-resource-lock"

struct lease;

struct lease_spec {
	const char *namespace, *identity;
	void (*lead)(void *arg);                  /* once: the lease is this process's */
	void (*lost)(void *arg, const char *why); /* it may be another's soon: act no more */
	void *arg;
};

/* Tries until it leads. The strings must outlive it. */
struct lease *lease_start(struct loop *loop, struct api *api, const struct lease_spec *spec);
void lease_free(struct lease *l);
/* Whether to act now: well before another process could take the lease. */
bool lease_is_held(const struct lease *l);
/* Whether the API server has answered about the lease. */
bool lease_is_known(const struct lease *l);
/* Gives the lease up, so that another process need not wait, and calls @done; also if that fails. */
void lease_release(struct lease *l, void (*done)(void *arg), void *arg);

#endif
