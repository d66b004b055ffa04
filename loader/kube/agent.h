/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinpool-agent: carries the API server's objects into this node's maps, and this node's demand and blocks back.
 * Everything that must survive is in the kernel or at the API server: the agent may be killed anywhere.
 */
#ifndef PP_KUBE_AGENT_H
#define PP_KUBE_AGENT_H

#include "loader/base/prefix.h"
#include "loader/kernel/context.h"
#include "loader/kube/event.h"
#include "loader/kube/program.h"
#include "loader/kube/watch.h"
#include "loader/kube/web.h"
#include "maps/ipam.h"
#include "maps/objects.h"

#define AGENT_WATCHES 10

/* Objects that are not in the node yet (objects.c). */
struct objects {
	void *tree; /* of struct item (tsearch) */
	size_t waiting, rejected;
	struct timer flush, retry, trim;
	char last_warning[256];
	unsigned int retry_seconds;
	bool is_held_up;          /* another command has the node's lock */
	uint64_t applied, failed; /* counted since the start */
};

/* This node's CiliumNode at the API server (own.c). */
struct own {
	json_t *server;       /* as the server last had it; NULL: it has none */
	bool is_known;        /* the server was asked */
	struct call *call;    /* one request at a time */
	bool is_due;          /* look again after it */
	struct timer soon, tick, retry;
	unsigned int failures;
	struct prefix *giving, *surplus; /* owned: dropped here and not yet there; unneeded at the last tick */
	size_t giving_count, surplus_count;
	struct ipam seen;     /* pp_ipam at the last tick, */
	size_t pending;       /* and the pods that wait */
	uint64_t unmet_since; /* loop_now() when demand began to wait for the operator; 0: none does */
	uint64_t answered_at; /* when the server last took something from us */
	uint64_t put_back_at; /* before this, blocks that vanished from the list are not put back again */
	char trouble[256];    /* why the last request failed; "" */
};

struct agent {
	/* arguments */
	const char *root, *node, *namespace, *kubeconfig, *listen, *conflist, *cni_bin, *state_file;
	bool once;

	struct loop *loop;
	struct api *api;
	struct web *web;
	struct watch *watches[AGENT_WATCHES];
	struct context reader; /* open without a lock while is_up */
	bool is_up;            /* the node's programs and maps are ours */
	bool is_synced;        /* all watches have synced and their objects were taken or rejected */
	char up_error[512];    /* why it is not up; "" */
	char trouble[512];     /* of the host, by the last gc; "" */
	json_t *node_object;   /* the Node's metadata and addresses; NULL: it does not exist */
	struct objects objects;
	struct own own;
	struct host *host;
	struct events events;
	struct timer report, finish;
};

/*
 * Objects (objects.c): taken together where possible, each for itself where one is bad. A rejected object's last
 * good version stays; it is tried again when others were taken, and at intervals.
 */
void objects_set(struct agent *a, json_t *object);
void objects_gone(struct agent *a, enum object_kind kind, const char *name);
/* Takes at once what waits. False: the node is not up. */
bool objects_flush(struct agent *a);
/* The rejected ones as an array of {kind, name, reason}, owned by the caller. */
json_t *objects_rejected(const struct agent *a);
void objects_free(struct agent *a);

/* Watches (watches.c): the settings first, the rest once the node is up. */
void watches_start_settings(struct agent *a);
void watches_start_rest(struct agent *a);
void watches_stop(struct agent *a);
/* Services are watched where kube-proxy-replacement says so. */
void watches_follow_options(struct agent *a);
bool watches_have_settings(const struct agent *a);
bool watches_are_synced(const struct agent *a);
/* The oldest time at which a watch was heard of; 0: one never was. */
uint64_t watches_heard(const struct agent *a);

/* The own CiliumNode (own.c). */
void own_set(struct agent *a, json_t *object);
void own_gone(struct agent *a);
/* Compares it with this node, soon: demand, blocks or addresses may have changed. */
void own_look(struct agent *a);
/* The object that this node lives by, taken from the server's: without what is being given back. */
void own_hand_over(struct agent *a);
/* Looks every few seconds for blocks that are not needed (giveback.c). */
void own_start(struct agent *a);
bool own_is_settled(const struct agent *a);
void own_free(struct agent *a);

/* What follows the host (host.c): links, addresses and routes; demand of pods; the minute's gc. */
int host_start(struct agent *a, struct error *e);
void host_stop(struct agent *a);
/* The node is up: reads pp_demand from now on. */
void host_follow_demand(struct agent *a);

/* Reports (report.c): the object that `pinpool status` shows, Events, metrics, health. */
int report_start(struct agent *a, struct error *e);
void report_soon(struct agent *a);

/* Once synced, writes the CNI configuration where it is missing or another (conflist.c). */
void conflist_keep(struct agent *a);

/* The node came up; and everything is synced (agent.c). Each is called once. */
void agent_up(struct agent *a);
void agent_ready(struct agent *a);

#endif
