// SPDX-License-Identifier: GPL-2.0-only
/* pinpool-operator: its arguments, its life from the lease to the signal, and its web pages. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "loader/kube/operator.h"

static bool parse(struct operator *o, int argc, char **argv)
{
	static const char usage[] =
		"usage: pinpool-operator [--kubeconfig FILE] [--namespace NAME] [--identity NAME]\n"
		"                        [--listen ADDRESS:PORT] [--auto-create-cilium-pod-ip-pools POOLS]\n"
		"                        [--nodes-gc-interval DURATION] [--version]\n\n"
		"Gives blocks of pools to the nodes of a Kubernetes cluster; see pinpool-operator(8).\n";
	const struct argument list[] = {
		{ "kubeconfig", &o->kubeconfig, NULL },
		{ "namespace", &o->namespace, NULL },
		{ "identity", &o->identity, NULL },
		{ "listen", &o->listen, NULL },
		{ "auto-create-cilium-pod-ip-pools", &o->auto_create, NULL },
		{ "nodes-gc-interval", &o->gc_interval, NULL },
		{},
	};

	return arguments_parse(argc, argv, usage, list);
}

/* The host's name alone would let two operators of one host lead at once. */
static const char *default_identity(void)
{
	static char identity[80];
	char host[65] = "";
	unsigned int chance = getpid();

	(void)!getrandom(&chance, sizeof(chance), 0);
	gethostname(host, sizeof(host) - 1);
	snprintf(identity, sizeof(identity), "%s-%08x", host, chance);
	return identity;
}

static void released(void *arg)
{
	struct operator *o = arg;

	loop_stop(o->loop, 0);
}

void operator_end(struct operator *o)
{
	o->ending = true;
	if (!o->flying)
		lease_release(o->lease, released, o);
}

static void on_signal(void *arg, int signal)
{
	struct operator *o = arg;

	log_line("%s", strsignal(signal));
	if (o->ending)
		loop_stop(o->loop, 1);
	else
		operator_end(o);
}

/* Whoever leads next must not meet a write of this one: the process ends at once, and is started again. */
static void lost(void *arg, const char *why)
{
	struct operator *o = arg;

	log_line("%s; not the leader any more", why);
	o->ending = true;
	loop_stop(o->loop, 1);
}

static bool is_ready(void *arg, FILE *out)
{
	struct operator *o = arg;
	bool leads = lease_is_held(o->lease);

	if (leads && !o->cluster.synced)
		fprintf(out, "reading: %s\n", o->pool_watch ? watch_trouble(o->node_watch) : "");
	else if (!lease_is_known(o->lease))
		fputs("the API server has not answered\n", out);
	else
		fprintf(out, "%s\n", leads ? "leading" : "standing by");
	return leads ? o->cluster.synced : lease_is_known(o->lease);
}

static int run(struct operator *o, struct error *e)
{
	const struct web_pages pages = { operator_metrics, is_ready, o };
	const struct lease_spec lease = { o->namespace, o->identity, operator_lead, lost, o };

	loop_signals(o->loop, on_signal, o);
	o->api = api_new(o->loop, o->kubeconfig, e);
	if (!o->api)
		return -1;
	o->lease = lease_start(o->loop, o->api, &lease);
	o->web = *o->listen ? web_start(o->loop, o->listen, &pages, e) : NULL;
	if (*o->listen && !o->web)
		return -1;
	return loop_run(o->loop);
}

static void end(struct operator *o)
{
	struct cluster_node *node;

	TAILQ_FOREACH(node, &o->cluster.nodes, all)
		node_forget(o, node);
	watch_stop(o->pool_watch);
	watch_stop(o->node_watch);
	watch_stop(o->machine_watch);
	web_stop(o->web);
	lease_free(o->lease);
	api_free(o->api);
	cluster_free(&o->cluster);
	loop_free(o->loop);
}

int main(int argc, char **argv)
{
	struct operator o = {
		.namespace = getenv("K8S_NAMESPACE") ?: "kube-system",
		.listen = ":9963",
	};
	struct error e = {};
	int err;

	if (!parse(&o, argc, argv))
		return 2;
	if (!o.identity || !*o.identity)
		o.identity = default_identity();
	o.events.instance = o.identity;
	cluster_init(&o.cluster, operator_report, &o);
	o.loop = loop_new();
	err = run(&o, &e);
	if (err < 0)
		log_line("%s", e.text);
	end(&o);
	return err ? 1 : 0;
}
