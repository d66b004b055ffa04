// SPDX-License-Identifier: GPL-2.0-only
/*
 * One rtnetlink connection. libnl opens the socket, builds and parses messages. Batching is done
 * here, because libnl sends one request at a time.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loader/net/netlink.h"
#include "loader/net/netns.h"
#include "loader/base/trace.h"

/* if all requests of a batch fail, their errors must fit into the socket's buffer */
#define BATCH_REQUESTS 128
#define BATCH_BYTES 16384
#define REQUEST_BYTES 1280
#define RECEIVE_BYTES 32768 /* the kernel fills dumps up to this */
#define SOCKET_BYTES 262144
#define DUMP_TRIES 16

struct netlink {
	struct nl_sock *sock;
	uint32_t sequence; /* of the next request */
	size_t used;
	unsigned int count;
	int err; /* the first that was not tolerated, */
	struct error error; /* and its sentence */
	uint8_t tolerate[BATCH_REQUESTS];
	bool failed[BATCH_REQUESTS]; /* tolerated or not */
	_Alignas(NLMSG_ALIGNTO) uint8_t batch[BATCH_BYTES];
};

static int from_libnl(int err)
{
	switch (-err) {
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	default:
		return -EIO;
	}
}

static int connect_route(void *sock)
{
	int err = nl_connect(sock, NETLINK_ROUTE);

	return err ? from_libnl(err) : 0;
}

static void set_options(int fd)
{
	static const int options[] = {
		NETLINK_EXT_ACK,	/* the kernel's own text of an error, */
		NETLINK_CAP_ACK,	/* without a copy of the request; */
		NETLINK_GET_STRICT_CHK, /* dumps filtered by the kernel */
	};
	int on = 1;

	/* the oldest kernel that can run our programs has all three */
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof(on));
}

int netlink_open(struct netlink **nl, int netns, struct error *e)
{
	struct netlink *n = calloc(1, sizeof(*n));
	int err;

	if (!n || !(n->sock = nl_socket_alloc()))
		abort();
	err = netns_call(netns, connect_route, n->sock);
	if (err) {
		netlink_close(n);
		return error_set(e, err, "netlink: cannot open a socket: %s", strerror(-err));
	}
	nl_socket_set_buffer_size(n->sock, SOCKET_BYTES, 2 * BATCH_BYTES);
	nl_socket_set_msg_buf_size(n->sock, RECEIVE_BYTES);
	nl_socket_disable_msg_peek(n->sock);
	set_options(nl_socket_get_fd(n->sock));
	n->sequence = 1;
	*nl = n;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

int netlink_fd(const struct netlink *nl)
{
	return nl_socket_get_fd(nl->sock);
}

struct nl_msg *netlink_request(int type, int flags, const void *header, int header_size)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_BYTES);

	if (!msg || !nlmsg_put(msg, NL_AUTO_PORT, 0, type, 0, NLM_F_REQUEST | flags) ||
	    nlmsg_append(msg, (void *)header, header_size, NLMSG_ALIGNTO))
		abort();
	return msg;
}

static struct nlmsghdr *find_request(struct netlink *nl, unsigned int index)
{
	uint8_t *at = nl->batch;

	while (index--)
		at += NLMSG_ALIGN(((struct nlmsghdr *)at)->nlmsg_len);
	return (struct nlmsghdr *)at;
}

static bool tolerated(enum netlink_tolerate tolerate, int err)
{
	switch (tolerate) {
	case TOLERATE_EXISTS:
		return err == -EEXIST;
	case TOLERATE_MISSING:
		return err == -ENOENT || err == -ESRCH || err == -ENODEV || err == -EADDRNOTAVAIL;
	default:
		return false;
	}
}

static const char *kernel_text(const struct nlmsghdr *answer)
{
	const struct nlmsgerr *report = nlmsg_data(answer);
	int skip = sizeof(*report);
	struct nlattr *text;

	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(answer->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(report->msg.nlmsg_len) - NLMSG_HDRLEN;
	text = nlmsg_find_attr((struct nlmsghdr *)answer, skip, NLMSGERR_ATTR_MSG);
	return text ? nla_get_string(text) : NULL;
}

static int report_error(struct error *e, const struct nlmsghdr *request, int err, const char *reason)
{
	char text[NETLINK_TEXT];

	netlink_describe(request, "cannot ", text);
	if (reason)
		return error_set(e, err, "%s: %s (%s)", text, strerror(-err), reason);
	return error_set(e, err, "%s: %s", text, strerror(-err));
}

/* A request with an answer, the last of its batch. */
struct question {
	int (*fn)(const struct nlmsghdr *answer, void *arg);
	void *arg;
	struct error *error;
	int result; /* of fn, or the kernel's error */
	bool dump, interrupted;
};

/* Handles an NLMSG_ERROR, which is also the acknowledgement. */
static void handle_error(struct netlink *nl, const struct nlmsghdr *answer, struct question *q)
{
	const struct nlmsgerr *report = nlmsg_data(answer);
	unsigned int index = answer->nlmsg_seq - (nl->sequence - nl->count);
	int err = report->error;

	nl->failed[index] = err;
	if (!err || tolerated(nl->tolerate[index], err))
		return;
	if (q && index == nl->count - 1)
		q->result = report_error(q->error, find_request(nl, index), err, kernel_text(answer));
	else if (!nl->err)
		nl->err = report_error(&nl->error, find_request(nl, index), err, kernel_text(answer));
}

/* A dump that fails midway reports it in its last message. */
static int dump_error(struct netlink *nl, const struct nlmsghdr *done, struct error *e)
{
	int err = 0;

	if (done->nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
		memcpy(&err, nlmsg_data(done), sizeof(err));
	return err < 0 ? report_error(e, find_request(nl, nl->count - 1), err, NULL) : 0;
}

/* Handles one message from the kernel. True if the answer to the last request is complete. */
static bool handle_message(struct netlink *nl, const struct nlmsghdr *answer, struct question *q)
{
	bool last = answer->nlmsg_seq == nl->sequence - 1;

	/* A left-over of an earlier request. */
	if (nl->sequence - 1 - answer->nlmsg_seq >= nl->count)
		return false;
	if (q && answer->nlmsg_flags & NLM_F_DUMP_INTR)
		q->interrupted = true;
	if (answer->nlmsg_type == NLMSG_ERROR)
		handle_error(nl, answer, q);
	if (answer->nlmsg_type == NLMSG_DONE && last && q && !q->result)
		q->result = dump_error(nl, answer, q->error);
	if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE)
		return last;
	if (q && last && !q->result)
		q->result = q->fn(answer, q->arg);
	return last && q && !q->dump;
}

static int receive(struct netlink *nl, struct question *q)
{
	bool done = false;

	while (!done) {
		struct sockaddr_nl from;
		unsigned char *buffer = NULL;
		struct nlmsghdr *answer;
		int left = nl_recv(nl->sock, &from, &buffer, NULL);

		if (left <= 0)
			return left ? from_libnl(left) : -EPIPE;
		answer = (struct nlmsghdr *)buffer;
		/* Only the kernel may send to this socket. */
		for (; !from.nl_pid && nlmsg_ok(answer, left); answer = nlmsg_next(answer, &left))
			if (handle_message(nl, answer, q))
				done = true;
		free(buffer);
	}
	return 0;
}

static void trace_batch(struct netlink *nl)
{
	char text[NETLINK_TEXT];

	for (unsigned int i = 0; i < nl->count; i++) {
		const struct nlmsghdr *request = find_request(nl, i);
		bool reads = ((request->nlmsg_type - RTM_BASE) & 3) == RTM_GETLINK - RTM_NEWLINK;

		if (!reads && !nl->failed[i])
			trace("%s", netlink_describe(request, "", text));
	}
}

/* Sends the batch and reads the answers. 0, or the error of the socket itself. */
static int exchange(struct netlink *nl, struct question *q)
{
	int err;

	if (!nl->count)
		return 0;
	/* Failures are always reported; one acknowledgement confirms all other requests. */
	if (!q)
		find_request(nl, nl->count - 1)->nlmsg_flags |= NLM_F_ACK;
	err = nl_sendto(nl->sock, nl->batch, nl->used);
	err = err < 0 ? from_libnl(err) : receive(nl, q);
	if (err && !nl->err)
		nl->err = error_set(&nl->error, err, "netlink: no answer: %s", strerror(-err));
	if (!err && trace_enabled)
		trace_batch(nl);
	nl->count = 0;
	nl->used = 0;
	return err;
}

void netlink_queue(struct netlink *nl, struct nl_msg *msg, enum netlink_tolerate tolerate)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	size_t size = NLMSG_ALIGN(request->nlmsg_len);

	if (nl->count == BATCH_REQUESTS || nl->used + size > BATCH_BYTES)
		exchange(nl, NULL);
	request->nlmsg_seq = nl->sequence++;
	memcpy(nl->batch + nl->used, request, request->nlmsg_len);
	nl->used += size;
	nl->failed[nl->count] = false;
	nl->tolerate[nl->count++] = tolerate;
	nlmsg_free(msg);
}

int netlink_flush(struct netlink *nl, struct error *e)
{
	int err;

	exchange(nl, NULL);
	err = nl->err;
	nl->err = 0;
	return err ? error_set(e, err, "%s", nl->error.text) : 0;
}

int netlink_ask(struct netlink *nl, struct nl_msg *msg,
		int (*fn)(const struct nlmsghdr *answer, void *arg), void *arg, struct error *e)
{
	bool dump = (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct question q;
	int err, tries = 0;

	do {
		q = (struct question){ .fn = fn, .arg = arg, .error = e, .dump = dump };
		if (tries)
			fn(NULL, arg);
		nlmsg_get(msg);
		netlink_queue(nl, msg, TOLERATE_NONE);
		err = exchange(nl, &q);
	} while (!err && !q.result && q.interrupted && ++tries < DUMP_TRIES);
	nlmsg_free(msg);
	if (err)
		return error_set(e, err, "netlink: no answer: %s", strerror(-err));
	if (q.result || !q.interrupted)
		return q.result;
	return error_set(e, -EAGAIN, "netlink: the kernel's tables change too fast; try again");
}
