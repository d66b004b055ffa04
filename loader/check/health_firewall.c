// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet filters that drop what the node forwards: fragments, packets with options, hostPorts and all
 * else of pods that goes by the stack. Only policies are judged, for what a rule does with a packet
 * nobody but the kernel knows; a rule whose comment names pinpool says that pods' packets are let
 * through.
 */
#include <netinet/in.h> /* before Linux' own */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "loader/check/health_parts.h"
#include "loader/host/legacy_tables.h"
#include "loader/kernel/map.h"

#define COMMENT "pinpool"
#define TRIES 8

struct drop_chain {
	uint8_t family; /* NFPROTO_* */
	char table[64], name[64];
	bool excepted;  /* a rule of its table has the comment */
};

struct ruleset {
	struct drop_chain *chains;
	size_t count;
	size_t rules; /* rules that have the comment */
};

static const char *family_text(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

/* Whether a chain is of the hook FORWARD and drops what its rules do not accept. */
static bool drops_forwarded(struct nlattr *const *chain)
{
	struct nlattr *hook[NFTA_HOOK_MAX + 1];

	if (!chain[NFTA_CHAIN_HOOK] || !chain[NFTA_CHAIN_POLICY] || !chain[NFTA_CHAIN_TABLE] ||
	    !chain[NFTA_CHAIN_NAME] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, chain[NFTA_CHAIN_HOOK], NULL) ||
	    !hook[NFTA_HOOK_HOOKNUM])
		return false;
	return ntohl(nla_get_u32(hook[NFTA_HOOK_HOOKNUM])) == NF_INET_FORWARD &&
	       ntohl(nla_get_u32(chain[NFTA_CHAIN_POLICY])) == NF_DROP;
}

static int take_chain(struct nl_msg *msg, void *arg)
{
	const struct nfgenmsg *h = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *chain[NFTA_CHAIN_MAX + 1];
	struct ruleset *r = arg;
	struct drop_chain *c;

	if (h->nfgen_family != NFPROTO_IPV4 && h->nfgen_family != NFPROTO_IPV6 &&
	    h->nfgen_family != NFPROTO_INET)
		return NL_OK;
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*h), chain, NFTA_CHAIN_MAX, NULL) ||
	    !drops_forwarded(chain))
		return NL_OK;
	r->chains = xrealloc(r->chains, (r->count + 1) * sizeof(*r->chains));
	c = &r->chains[r->count++];
	*c = (struct drop_chain){ .family = h->nfgen_family };
	nla_strlcpy(c->table, chain[NFTA_CHAIN_TABLE], sizeof(c->table));
	nla_strlcpy(c->name, chain[NFTA_CHAIN_NAME], sizeof(c->name));
	return NL_OK;
}

/* iptables-nft has comments in a match, nft in the rule's own data: either has the bytes. */
static int take_rule(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *n = nlmsg_hdr(msg);
	const struct nfgenmsg *h = nlmsg_data(n);
	struct nlattr *rule[NFTA_RULE_MAX + 1];
	struct ruleset *r = arg;
	char table[64];

	if (nlmsg_parse((struct nlmsghdr *)n, sizeof(*h), rule, NFTA_RULE_MAX, NULL) ||
	    !rule[NFTA_RULE_TABLE] || !memmem(n, n->nlmsg_len, COMMENT, strlen(COMMENT)))
		return NL_OK;
	nla_strlcpy(table, rule[NFTA_RULE_TABLE], sizeof(table));
	for (size_t i = 0; i < r->count; i++)
		if (r->chains[i].family == h->nfgen_family && !strcmp(r->chains[i].table, table))
			r->chains[i].excepted = true;
	return NL_OK;
}

/* All objects of a kind, of all families; 0 or -NLE_*. */
static int dump(struct nl_sock *sock, int type, int (*fn)(struct nl_msg *msg, void *arg),
		struct ruleset *r)
{
	struct nfgenmsg h = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	int err;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, fn, r);
	err = nl_send_simple(sock, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP, &h, sizeof(h));
	return err < 0 ? err : nl_recvmsgs_default(sock);
}

/* The chains of nft and iptables-nft; NULL, or why they are unknown. */
static const char *read_nft(struct ruleset *r)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err;

	if (!sock)
		abort();
	nl_socket_disable_auto_ack(sock);
	err = nl_connect(sock, NETLINK_NETFILTER);
	for (int i = 0; !err && i < TRIES; i++) {
		r->count = 0;
		err = dump(sock, NFT_MSG_GETCHAIN, take_chain, r);
		if (!err && r->count)
			err = dump(sock, NFT_MSG_GETRULE, take_rule, r);
		if (err != -NLE_DUMP_INTR && err != -NLE_INTR)
			break;
		err = i + 1 < TRIES ? 0 : err;
	}
	nl_socket_free(sock);
	/* a kernel without nf_tables has no such chains */
	if (!err || err == -NLE_INVAL || err == -NLE_PROTO_MISMATCH || err == -NLE_OPNOTSUPP)
		return NULL;
	return nl_geterror(err);
}

static bool is_concerned(uint8_t family, const struct options *o)
{
	return family == NFPROTO_IPV4 ? o->enable_ipv4 : family == NFPROTO_IPV6 ? o->enable_ipv6 : true;
}

static void judge_nft(struct health_part *p, const struct options *o)
{
	struct ruleset r = {};
	const char *unknown = read_nft(&r);

	if (unknown)
		part_note(p, "nftables unknown (%s)", unknown);
	for (size_t i = 0; !unknown && i < r.count; i++)
		if (!r.chains[i].excepted && is_concerned(r.chains[i].family, o))
			part_fail(p, "chain %s of nft table %s %s drops", r.chains[i].name,
				  family_text(r.chains[i].family), r.chains[i].table);
	free(r.chains);
}

static void judge_legacy(struct health_part *p, const struct options *o)
{
	static const char *const names[FAMILIES] = { "iptables", "ip6tables" };

	for (int f = 0; f < FAMILIES; f++) {
		enum legacy_forward forward = legacy_forward(f, COMMENT);

		if (!(f == FAMILY_IPV6 ? o->enable_ipv6 : o->enable_ipv4))
			continue;
		if (forward == LEGACY_DROPS)
			part_fail(p, "chain FORWARD of %s-legacy drops", names[f]);
		else if (forward == LEGACY_UNKNOWN)
			part_note(p, "%s-legacy unknown", names[f]);
	}
}

void health_firewall(struct health *h, struct examination *x)
{
	struct health_part *p = part_begin(h, "firewall");

	part_note(p, "no policy drops what is forwarded");
	judge_nft(p, &x->options);
	judge_legacy(p, &x->options);
	part_end(p, "by its policy fragments, packets with options and hostPorts of pods are lost: accept them in a rule with the comment \"pinpool\", see FIREWALL in pinpool(8)");
}
