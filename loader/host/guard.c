// SPDX-License-Identifier: GPL-2.0-only
/* The XDP guard, attached by libxdp beside other programs of its dispatcher. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "loader/host/guard.h"
#include "loader/kernel/load.h"
#include "loader/net/link.h"
#include "loader/base/trace.h"

#define GUARD_PROGRAM "pp_guard"

static bool is_ours(struct xdp_program *program)
{
	return program && !strcmp(xdp_program__name(program), GUARD_PROGRAM);
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static bool has_program(uint32_t ifindex)
{
	struct netlink *nl = NULL;
	struct link link;
	bool has = !netlink_open(&nl, -1, NULL) && !link_get(nl, NULL, ifindex, &link, NULL) && link.xdp;

	netlink_close(nl);
	return has;
}

static struct xdp_multiprog *programs_on(uint32_t ifindex)
{
	struct xdp_multiprog *mp;

	/* libxdp lists all interfaces for it: 0.5 s with 5,000 pods. */
	if (!has_program(ifindex))
		return NULL;
	mp = xdp_multiprog__get_from_ifindex(ifindex);
	return libxdp_get_error(mp) ? NULL : mp;
}

/* Our program among those of @mp; owned by @mp. */
static struct xdp_program *find(struct xdp_multiprog *mp)
{
	struct xdp_program *program = NULL;

	if (xdp_multiprog__is_legacy(mp)) {
		program = xdp_multiprog__main_prog(mp);
		return is_ours(program) ? program : NULL;
	}
	while ((program = xdp_multiprog__next_prog(program, mp)))
		if (is_ours(program))
			return program;
	return NULL;
}

enum guard_mode guard_query(uint32_t ifindex)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	struct xdp_multiprog *mp;
	enum guard_mode mode = GUARD_NONE;

	libxdp_set_print((libxdp_print_fn_t)silent);
	mp = programs_on(ifindex);
	if (mp && find(mp))
		mode = xdp_multiprog__is_legacy(mp) ? GUARD_SINGLE : GUARD_DISPATCHER;
	xdp_multiprog__close(mp);
	libbpf_set_print(before);
	return mode;
}

int guard_detach(uint32_t ifindex, struct error *e)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	struct xdp_multiprog *mp;
	struct xdp_program *ours;
	int err = 0;

	libxdp_set_print((libxdp_print_fn_t)silent);
	mp = programs_on(ifindex);
	ours = mp ? find(mp) : NULL;
	if (ours)
		err = xdp_program__detach(ours, ifindex, xdp_multiprog__attach_mode(mp), 0);
	xdp_multiprog__close(mp);
	libbpf_set_print(before);
	if (ours && !err)
		trace("interface %u: XDP guard detached", ifindex);
	return err ? error_set(e, err, "interface %u: cannot detach the XDP guard: %s", ifindex,
			       strerror(-err)) : 0;
}

static int attach_error(const char *ifname, int err, struct error *e)
{
	if (err == -EBUSY || err == -EEXIST)
		return error_set(e, -EBUSY,
				 "uplink %s: another XDP program is attached that does not share; remove it or set xdp-guard=disabled",
				 ifname);
	if (err == -EOPNOTSUPP || err == -ENOTSUP)
		return error_set(e, -EOPNOTSUPP,
				 "uplink %s: its driver has no native XDP; set xdp-guard=disabled (the tc program makes the same checks)",
				 ifname);
	if (err == -ERANGE)
		return error_set(e, err,
				 "uplink %s: its driver has no native XDP at this MTU; set xdp-guard=disabled (the tc program makes the same checks)",
				 ifname);
	return error_set(e, err, "uplink %s: cannot attach the XDP guard: %s; set xdp-guard=disabled",
			 ifname, strerror(-err));
}

int guard_attach(struct context *node, const struct options *options, uint32_t ifindex,
		 const char *ifname, struct error *e)
{
	libbpf_print_fn_t before;
	struct bpf_object *object;
	struct xdp_program *program;
	int err = guard_detach(ifindex, e);

	if (err)
		return err;
	object = load_open_guard(&node->pins, options, e);
	if (!object)
		return -errno;
	before = libbpf_set_print(silent);
	libxdp_set_print((libxdp_print_fn_t)silent);
	program = xdp_program__from_bpf_obj(object, "xdp.frags");
	err = libxdp_get_error(program);
	if (!err) {
		/* Jumbo frames need it, and libxdp does not read it from the section's name. */
		xdp_program__set_xdp_frags_support(program, true);
		err = xdp_program__attach(program, ifindex, XDP_MODE_NATIVE, 0);
		xdp_program__close(program);
	}
	libbpf_set_print(before);
	bpf_object__close(object);
	if (!err)
		trace("interface %s: XDP guard attached", ifname);
	return err ? attach_error(ifname, err, e) : 0;
}
