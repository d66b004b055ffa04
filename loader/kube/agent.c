// SPDX-License-Identifier: GPL-2.0-only
/* pinpool-agent: its arguments, and its phases: settings, node up, everything, ready. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/base/memory.h"
#include "loader/kube/agent.h"
#include "loader/kube/install.h"

#define HEAP_KEPT (128 << 10)
#define ONCE_MS 200 /* how often --once looks whether all is done */

static const char usage[] =
	"usage: pinpool-agent [--node NAME] [--namespace NAME] [--kubeconfig FILE] [--root DIR] [--state FILE]\n"
	"                     [--listen ADDRESS:PORT] [--conflist FILE] [--cni-bin DIR] [--once] [--version]\n"
	"       pinpool-agent install|uninstall [--cni-bin DIR]\n\n"
	"Carries the objects of a Kubernetes API server into this node; see pinpool-agent(8).\n";

void agent_up(struct agent *a)
{
	log_line("node %s is up", a->node);
	a->up_error[0] = 0;
	host_follow_demand(a);
	watches_start_rest(a);
}

static void finish_once(void *arg)
{
	struct agent *a = arg;

	if (!a->objects.waiting && own_is_settled(a))
		loop_stop(a->loop, a->objects.rejected ? 1 : 0);
	else
		timer_start(a->loop, &a->finish, ONCE_MS, finish_once, a);
}

void agent_ready(struct agent *a)
{
	if (a->is_synced)
		return;
	a->is_synced = true;
	log_line("synced: %zu objects not accepted", a->objects.rejected);
	own_start(a);
	report_soon(a);
	conflist_keep(a);
	notify("READY=1\nSTATUS=synced");
	memory_release();
	if (a->once)
		timer_start(a->loop, &a->finish, ONCE_MS, finish_once, a);
}

static void stop(void *arg, int signal)
{
	struct agent *a = arg;

	log_line("%s: the node goes on without an agent", strsignal(signal));
	notify("STOPPING=1");
	loop_stop(a->loop, 0);
}

static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static bool parse(struct agent *a, int argc, char **argv)
{
	const struct argument list[] = {
		{ "node", &a->node, NULL },
		{ "namespace", &a->namespace, NULL },
		{ "kubeconfig", &a->kubeconfig, NULL },
		{ "root", &a->root, NULL },
		{ "state", &a->state_file, NULL },
		{ "listen", &a->listen, NULL },
		{ "conflist", &a->conflist, NULL },
		{ "cni-bin", &a->cni_bin, NULL },
		{ "once", NULL, &a->once },
		{},
	};

	return arguments_parse(argc, argv, usage, list);
}

/* kubelet's name for this node where nobody says another: that of the host, in lower case. */
static const char *host_name(void)
{
	static char name[PP_NAME];

	gethostname(name, sizeof(name) - 1);
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return name;
}

static int run(struct agent *a, struct error *e)
{
	int err;

	a->loop = loop_new();
	loop_signals(a->loop, stop, a);
	a->api = api_new(a->loop, a->kubeconfig, e);
	if (!a->api)
		return -1;
	err = host_start(a, e);
	if (!err)
		err = report_start(a, e);
	if (err)
		return err;
	watches_start_settings(a);
	return loop_run(a->loop);
}

static void end(struct agent *a)
{
	watches_stop(a);
	host_stop(a);
	web_stop(a->web);
	api_free(a->api);
	own_free(a);
	objects_free(a);
	json_decref(a->node_object);
	if (a->is_up)
		context_close(&a->reader);
	loop_free(a->loop);
}

int main(int argc, char **argv)
{
	struct agent a = {
		.root = environment("PINPOOL_ROOT", PP_ROOT),
		.state_file = environment("PINPOOL_STATE", NULL),
		.node = environment("K8S_NODE_NAME", NULL),
		.namespace = environment("K8S_NAMESPACE", "kube-system"),
		.conflist = "/etc/cni/net.d/10-pinpool.conflist",
		.cni_bin = "/opt/cni/bin",
		.listen = ":9962",
	};
	struct error e = {};
	int err;

	if (argc > 1 && (!strcmp(argv[1], "install") || !strcmp(argv[1], "uninstall")))
		return install_main(argc - 1, argv + 1, a.conflist);
	if (!parse(&a, argc, argv))
		return 2;
	/* without these two, malloc keeps what the largest plan ever took */
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	if (!a.node)
		a.node = host_name();
	a.events.instance = a.node;
	err = run(&a, &e);
	if (err < 0)
		log_line("%s", e.text);
	end(&a);
	return err ? 1 : 0;
}
