// SPDX-License-Identifier: GPL-2.0-only
/* Programs at the traffic hooks: clsact filters by netlink, tcx links by bpf(2). */
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "loader/net/netlink_addr.h"
#include "loader/net/tc.h"
#include "loader/base/trace.h"

/* Handle and priority of our filter, by which it is found and replaced. */
#define FILTER_PRIORITY 112
#define FILTER_HANDLE 112
static const char filter_name[] = "pinpool";

/* The name by which a pod's tcx program, which has no link, is recognized. */
static const char pod_program[] = "pp_pod_entry";

static struct tcmsg filter_header(uint32_t ifindex, enum tc_direction direction)
{
	return (struct tcmsg){
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction == TC_INGRESS ? TC_H_MIN_INGRESS
									     : TC_H_MIN_EGRESS),
		.tcm_handle = FILTER_HANDLE,
		.tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)),
	};
}

static struct nl_msg *filter_request(int type, int flags, uint32_t ifindex,
				     enum tc_direction direction)
{
	struct tcmsg h = filter_header(ifindex, direction);
	struct nl_msg *msg = netlink_request(type, flags, &h, sizeof(h));

	netlink_put(msg, TCA_KIND, "bpf", sizeof("bpf"));
	return msg;
}

static void queue_filter(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
			 int program)
{
	struct tcmsg h = {
		.tcm_ifindex = ifindex,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};
	struct nlattr *options;
	struct nl_msg *msg;

	msg = netlink_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h));
	netlink_put(msg, TCA_KIND, "clsact", sizeof("clsact"));
	netlink_queue(nl, msg, TOLERATE_EXISTS);

	msg = filter_request(RTM_NEWTFILTER, NLM_F_CREATE, ifindex, direction);
	options = nla_nest_start(msg, TCA_OPTIONS);
	netlink_put_u32(msg, TCA_BPF_FD, program);
	netlink_put(msg, TCA_BPF_NAME, filter_name, sizeof(filter_name));
	netlink_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nla_nest_end(msg, options);
	netlink_queue(nl, msg, TOLERATE_NONE);
}

static int take_program(const struct nlmsghdr *answer, void *arg)
{
	struct nlattr *options = nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(struct tcmsg),
						 TCA_OPTIONS);
	struct nlattr *id = NULL;

	if (options)
		id = nla_find(nla_data(options), nla_len(options), TCA_BPF_ID);
	if (id)
		*(uint32_t *)arg = nla_get_u32(id);
	return 0;
}

static int filter_program(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
			  uint32_t *id, struct error *e)
{
	struct nl_msg *msg = filter_request(RTM_GETTFILTER, 0, ifindex, direction);
	int err;

	*id = 0;
	err = netlink_ask(nl, msg, take_program, id, e);
	/* There is no filter and no qdisc. */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static int filter_detach(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
			 struct error *e)
{
	uint32_t id;
	int err = filter_program(nl, ifindex, direction, &id, e);

	if (err || !id)
		return err == -ENODEV ? 0 : err;
	netlink_queue(nl, filter_request(RTM_DELTFILTER, 0, ifindex, direction), TOLERATE_MISSING);
	return netlink_flush(nl, e);
}

void tc_attach_pod(struct netlink *nl, uint32_t ifindex, int program)
{
	queue_filter(nl, ifindex, TC_INGRESS, program);
}

void tc_update_pod(struct netlink *nl, uint32_t ifindex, int program)
{
	uint32_t id;

	if (tcx_find(ifindex, TC_INGRESS, pod_program, &id) || !id ||
	    tcx_replace(ifindex, TC_INGRESS, id, program))
		tc_attach_pod(nl, ifindex, program);
}

static int tcx_error(uint32_t ifindex, const char *what, int err, struct error *e)
{
	return error_set(e, err, "interface %u: cannot %s a tcx program: %s", ifindex, what,
			 strerror(-err));
}

int tc_attach_shaped_pod(struct netlink *nl, uint32_t ifindex, int program, struct error *e)
{
	int err;

	if (!tcx_exists()) {
		tc_attach_pod(nl, ifindex, program);
		return 0;
	}
	err = tcx_attach(ifindex, TC_INGRESS, program);
	return err ? tcx_error(ifindex, "attach", err, e) : 0;
}

int tc_detach_pod(struct netlink *nl, uint32_t ifindex, struct error *e)
{
	uint32_t id;
	int err = tcx_find(ifindex, TC_INGRESS, pod_program, &id);

	if (!err && id)
		err = tcx_detach(ifindex, TC_INGRESS, id);
	if (err && err != -ENODEV)
		return tcx_error(ifindex, "detach", err, e);
	return filter_detach(nl, ifindex, TC_INGRESS, e);
}

/* The filter is checked first: a pod that is moved meanwhile has the tcx program already. */
int tc_pod_program(struct netlink *nl, uint32_t ifindex, uint32_t *id, struct error *e)
{
	int err = tcx_find(ifindex, TC_INGRESS, pod_program, id);

	if (err)
		return tcx_error(ifindex, "find", err, e);
	return *id ? 0 : filter_program(nl, ifindex, TC_INGRESS, id, e);
}

static int note_kind(const struct nlmsghdr *answer, void *arg)
{
	struct nlattr *kind = nlmsg_find_attr((struct nlmsghdr *)answer, sizeof(struct tcmsg), TCA_KIND);

	*(bool *)arg = kind && strcmp(nla_data(kind), "noqueue");
	return 0;
}

bool tc_has_queue(struct netlink *nl, uint32_t ifindex)
{
	struct tcmsg h = { .tcm_ifindex = ifindex, .tcm_parent = TC_H_ROOT };
	bool queue = false;

	/* The answer is an echo, and the acknowledgement alone for a device without a queue. */
	netlink_ask(nl, netlink_request(RTM_GETQDISC, NLM_F_ECHO | NLM_F_ACK, &h, sizeof(h)), note_kind,
		    &queue, NULL);
	return queue;
}

static int look_for_others(const struct nlmsghdr *answer, void *arg)
{
	const struct tcmsg *h = answer ? nlmsg_data(answer) : NULL;
	bool *others = arg;

	/* The list has each priority once with handle 0, before its filters. */
	*others = h && (*others || TC_H_MAJ(h->tcm_info) >> 16 != FILTER_PRIORITY ||
			(h->tcm_handle && h->tcm_handle != FILTER_HANDLE));
	return 0;
}

/* Whether others have filters on the hook of ours. */
static int has_other_filters(struct netlink *nl, uint32_t ifindex, bool *others, struct error *e)
{
	struct tcmsg h = filter_header(ifindex, TC_INGRESS);

	h.tcm_handle = h.tcm_info = 0;
	*others = false;
	return netlink_ask(nl, netlink_request(RTM_GETTFILTER, NLM_F_DUMP, &h, sizeof(h)),
			   look_for_others, others, e);
}

int tc_move_to_tcx(struct netlink *nl, uint32_t ifindex, int program, struct error *e)
{
	bool others, attached = false;
	uint32_t filter, tcx;
	int err = filter_program(nl, ifindex, TC_INGRESS, &filter, e);

	if (err || !filter || !tcx_is_named(filter, pod_program))
		return err == -ENODEV ? 0 : err;
	err = has_other_filters(nl, ifindex, &others, e);
	if (err || others)
		return err == -ENODEV ? 0 : err;
	err = tcx_find(ifindex, TC_INGRESS, pod_program, &tcx);
	if (!err && !tcx) {
		err = tcx_attach(ifindex, TC_INGRESS, program);
		attached = !err;
	}
	if (err)
		return err == -ENODEV ? 0 : tcx_error(ifindex, "attach", err, e);
	err = filter_detach(nl, ifindex, TC_INGRESS, e);
	return err ? err : attached;
}

/*
 * The link pinned at @pin and attached to @ifindex: a descriptor, or -errno; -ENODEV: no device any more.
 */
static int open_link(const char *pin, uint32_t ifindex, uint32_t *program)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	int link = bpf_obj_get(pin), err;

	if (link < 0)
		return link;
	err = bpf_obj_get_info_by_fd(link, &info, &size);
	/* info.tcx begins with the ifindex like info.xdp; 0 once the device is gone. */
	if (!err && info.xdp.ifindex != ifindex)
		err = -ENODEV;
	if (err) {
		close(link);
		return err;
	}
	*program = info.prog_id;
	return link;
}

static int attach_tcx(uint32_t ifindex, enum tc_direction direction, int program, const char *pin,
		      struct error *e)
{
	uint32_t id;
	int link = open_link(pin, ifindex, &id), err;

	if (link >= 0) {
		err = bpf_link_update(link, program, NULL);
		close(link);
		if (!err)
			trace("interface %u: tcx program replaced", ifindex);
		return err ? tcx_error(ifindex, "replace", err, e) : 0;
	}
	if (link == -ENODEV)
		unlink(pin);
	else if (link != -ENOENT)
		return error_set(e, link, "%s: cannot open the link: %s", pin, strerror(-link));
	link = bpf_link_create(program, ifindex, tcx_hook(direction), NULL);
	if (link < 0)
		return tcx_error(ifindex, "attach", link, e);
	err = bpf_obj_pin(link, pin);
	close(link);
	if (!err)
		trace("interface %u: tcx program attached, link pinned at %s", ifindex, pin);
	return err ? error_set(e, err, "%s: cannot pin the link: %s", pin, strerror(-err)) : 0;
}

int tc_attach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction, int program,
		     const char *pin, struct error *e)
{
	if (tcx_exists())
		return attach_tcx(ifindex, direction, program, pin, e);
	queue_filter(nl, ifindex, direction, program);
	return netlink_flush(nl, e);
}

int tc_detach_uplink(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		     const char *pin, struct error *e)
{
	uint32_t id;
	int link = tcx_exists() ? open_link(pin, ifindex, &id) : -ENOENT, err;

	if (link >= 0) {
		/* The kernel drops the last reference some time after the pin is removed. */
		bpf_link_detach(link);
		close(link);
	}
	if (unlink(pin) && errno != ENOENT) {
		err = -errno;
		return error_set(e, err, "%s: cannot remove the link: %s", pin, strerror(-err));
	}
	if (link >= 0)
		trace("interface %u: tcx program detached", ifindex);
	return filter_detach(nl, ifindex, direction, e);
}

int tc_uplink_program(struct netlink *nl, uint32_t ifindex, enum tc_direction direction,
		      const char *pin, uint32_t *id, struct error *e)
{
	int link;

	if (!tcx_exists())
		return filter_program(nl, ifindex, direction, id, e);
	*id = 0;
	link = open_link(pin, ifindex, id);
	if (link >= 0)
		close(link);
	if (link >= 0 || link == -ENOENT || link == -ENODEV)
		return 0;
	return error_set(e, link, "%s: cannot open the link: %s", pin, strerror(-link));
}
