// SPDX-License-Identifier: GPL-2.0-only
/* Flows read from their array, without the void ones. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/flows.h"
#include "loader/kernel/map.h"
#include "maps/pods.h"

struct pod_entry {
	uint32_t slot;
	struct pod pod;
};

static int read_pods(struct pins *pins, struct pod_entry **list, size_t *count, struct error *e)
{
	int fd = pins_map(pins, PIN_PODS), err;

	if (fd < 0)
		return pins_error(pins, "pp_pods", fd, e);
	err = map_read_all(fd, sizeof(__u32), offsetof(struct pod_entry, pod), sizeof(struct pod),
			   sizeof(**list), (void **)list, count);
	return err ? pins_error(pins, "pp_pods", err, e) : 0;
}

static bool is_alive(const struct flow *flow, const struct pod_entry *pods, size_t pod_count,
		     const struct clock *clock)
{
	if (flow->state <= FLOW_DYING || (int32_t)(flow->expires - clock->now) < 0)
		return false;
	/* An array is read in the order of its slots. */
	return flow->pod < pod_count && pods[flow->pod].pod.generation == flow->pod_generation;
}

int flows_read(struct pins *pins, struct flow_entry **list, size_t *count, struct clock *clock,
	       struct error *e)
{
	struct pod_entry *pods = NULL;
	size_t pod_count, n = 0, total;
	int fd = pins_map(pins, PIN_FLOWS), err;

	*list = NULL;
	*count = 0;
	if (fd < 0)
		return pins_error(pins, "pp_flows", fd, e);
	err = clock_read(pins, clock);
	if (err)
		return error_set(e, err, "clock: cannot read the kernel's jiffies: %s",
				 strerror(-err));
	err = map_read_all(fd, sizeof(__u32), offsetof(struct flow_entry, flow),
			   sizeof(struct flow), sizeof(**list), (void **)list, &total);
	if (err)
		return pins_error(pins, "pp_flows", err, e);
	err = read_pods(pins, &pods, &pod_count, e);
	for (size_t i = 0; !err && i < total; i++)
		if (is_alive(&(*list)[i].flow, pods, pod_count, clock))
			(*list)[n++] = (*list)[i];
	free(pods);
	if (err) {
		free(*list);
		*list = NULL;
		return err;
	}
	*count = n;
	return 0;
}

const char *protocol_name(enum protocol protocol, char *text)
{
	switch (protocol) {
	case PROTOCOL_ICMP:
		return "icmp";
	case PROTOCOL_TCP:
		return "tcp";
	case PROTOCOL_UDP:
		return "udp";
	case PROTOCOL_GRE:
		return "gre";
	case PROTOCOL_ESP:
		return "esp";
	case PROTOCOL_AH:
		return "ah";
	case PROTOCOL_ICMPV6:
		return "icmpv6";
	case PROTOCOL_SCTP:
		return "sctp";
	default:
		snprintf(text, 12, "%d", protocol);
		return text;
	}
}

const char *flow_state_name(enum flow_state state)
{
	static const char *const names[] = {
		[FLOW_FREE] = "free",	    [FLOW_DYING] = "dying",
		[FLOW_SYN] = "syn",	    [FLOW_ESTABLISHED] = "established",
		[FLOW_CLOSING] = "closing", [FLOW_UNREPLIED] = "unreplied",
		[FLOW_REPLIED] = "replied", [FLOW_STREAM] = "stream",
		[FLOW_QUERY] = "query",	    [FLOW_OTHER] = "other",
	};

	return state < FLOW_STATES ? names[state] : "unknown";
}

int flows_arm(struct pins *pins, struct error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = pins_prog(pins, PROG_FLOWS_ARM);

	if (fd < 0)
		return pins_error(pins, "pp_flows_arm", fd, e);
	if (bpf_prog_test_run_opts(fd, &opts) || (int)opts.retval < 0)
		return error_set(e, -EIO, "pp_flows_arm: cannot start the timer that ages flows");
	return 0;
}
