// SPDX-License-Identifier: GPL-2.0-only
/* pinpool-operator: its arguments, its life from the lease to the signal, and its web pages. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "loader/kube/operator.h"

void operator_log(const char *fmt, ...)
{
	va_list ap;

	fputs("pinpool-operator: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void usage(FILE *out)
{
	fputs("usage: pinpool-operator [--kubeconfig FILE] [--namespace NAME] [--identity NAME]\n"
	      "                        [--listen ADDRESS:PORT] [--auto-create-cilium-pod-ip-pools POOLS]\n"
	      "                        [--nodes-gc-interval DURATION] [--version]\n\n"
	      "Gives blocks of pools to the nodes of a Kubernetes cluster; see pinpool-operator(8).\n", out);
}

static int parse(struct operator *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kubeconfig", required_argument, NULL, 'k' },
		{ "namespace", required_argument, NULL, 'n' },
		{ "identity", required_argument, NULL, 'i' },
		{ "listen", required_argument, NULL, 'l' },
		{ "auto-create-cilium-pod-ip-pools", required_argument, NULL, 'a' },
		{ "nodes-gc-interval", required_argument, NULL, 'g' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'k': o->kubeconfig = optarg; break;
		case 'n': o->namespace = optarg; break;
		case 'i': snprintf(o->identity, sizeof(o->identity), "%s", optarg); break;
		case 'l': o->listen = optarg; break;
		case 'a': o->auto_create = optarg; break;
		case 'g': o->gc_interval = optarg; break;
		case 'V': printf("pinpool-operator %s\n", VERSION); exit(0);
		case 'h': usage(stdout); exit(0);
		default: usage(stderr); return -1;
		}
	}
	if (optind == argc)
		return 0;
	usage(stderr);
	return -1;
}

/* The host's name alone would let two operators of one host lead at once. */
static void default_identity(struct operator *o)
{
	char host[65] = "";
	unsigned int chance = getpid();

	(void)!getrandom(&chance, sizeof(chance), 0);
	gethostname(host, sizeof(host) - 1);
	snprintf(o->identity, sizeof(o->identity), "%s-%08x", host, chance);
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

	operator_log("%s", strsignal(signal));
	if (o->ending)
		loop_stop(o->loop, 1);
	else
		operator_end(o);
}

/* Whoever leads next must not meet a write of this one: the process ends at once, and is started again. */
static void lost(void *arg, const char *why)
{
	struct operator *o = arg;

	operator_log("%s; not the leader any more", why);
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
	static const int signals[] = { SIGTERM, SIGINT };
	const struct web_pages pages = { operator_metrics, is_ready, o };
	const struct lease_spec lease = { o->namespace, o->identity, operator_lead, lost, o };

	loop_signals(o->loop, signals, 2, on_signal, o);
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
	if (o->pool_watch) {
		watch_stop(o->pool_watch);
		watch_stop(o->node_watch);
		watch_stop(o->machine_watch);
	}
	if (o->web)
		web_stop(o->web);
	lease_free(o->lease);
	if (o->api)
		api_free(o->api);
	cluster_free(&o->cluster);
	json_decref(o->machines);
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

	if (parse(&o, argc, argv))
		return 2;
	if (!*o.identity)
		default_identity(&o);
	cluster_init(&o.cluster, operator_report, &o);
	o.machines = json_object();
	o.loop = loop_new();
	err = run(&o, &e);
	if (err < 0)
		operator_log("%s", e.text);
	end(&o);
	return err ? 1 : 0;
}
