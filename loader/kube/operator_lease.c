// SPDX-License-Identifier: GPL-2.0-only
/* The Lease: taken when it is free or has surely run out, renewed, and given up when it cannot be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/base/memory.h"
#include "loader/kube/operator_lease.h"
#include "loader/manifest/schema.h"
#include "loader/text/text.h"

#define DURATION_S 15      /* another process waits so long after the last change that it saw */
#define RENEW_MS 10000u    /* without a renewal for so long this process acts no more */
#define RETRY_MS 2000u
#define MARGIN_MS 1000u    /* beyond a foreign lease's duration */
#define REQUEST_MS 5000u

struct lease {
	struct loop *loop;
	struct api *api;
	struct lease_spec spec;
	char collection[128], path[192];
	json_t *object;       /* the last version from the server; NULL: ask first */
	char *seen;           /* resourceVersion */
	uint64_t seen_at;     /* when that version was first seen */
	uint64_t sent_at;     /* of the request under way */
	uint64_t renewed_at;  /* sent_at of the last one that succeeded; 0: not the leader */
	struct call *call;
	struct timer retry, deadline;
	bool known;
	void (*done)(void *arg); /* of lease_release() */
	void *done_arg;
};

static void attempt(void *arg);

/* Half a second of chance, so that several do not ask at once. */
static void again(struct lease *l)
{
	timer_start(l->loop, &l->retry, RETRY_MS - 250 + loop_now() % 500, attempt, l);
}

bool lease_is_held(const struct lease *l)
{
	return l->renewed_at && loop_now() - l->renewed_at < RENEW_MS;
}

bool lease_is_known(const struct lease *l)
{
	return l->known;
}

static void lose(struct lease *l, const char *why)
{
	l->renewed_at = 0;
	timer_stop(l->loop, &l->deadline);
	l->spec.lost(l->spec.arg, why);
}

static void ran_out(void *arg)
{
	lose(arg, "lease not renewed for 10 s; is the API server reachable?");
}

static void remember(struct lease *l, json_t *object)
{
	const char *version;

	json_incref(object);
	json_decref(l->object);
	l->object = object;
	l->known |= !!object;
	version = json_text(l->object, "metadata.resourceVersion");
	if (object && (!l->seen || strcmp(l->seen, version))) {
		free(l->seen);
		l->seen = xstrdup(version);
		l->seen_at = loop_now();
	}
}

static void written(void *arg, const struct answer *answer)
{
	struct lease *l = arg;
	bool first = !l->renewed_at;

	l->call = NULL;
	again(l);
	if (answer->status / 100 != 2 || !answer->body) {
		remember(l, NULL);
		return;
	}
	remember(l, answer->body);
	l->renewed_at = l->sent_at;
	timer_start(l->loop, &l->deadline, l->sent_at + RENEW_MS - loop_now(), ran_out, l);
	if (first)
		l->spec.lead(l->spec.arg);
}

static json_t *now_json(void)
{
	char text[64], date[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	snprintf(text, sizeof(text), "%s.%06ldZ", date, now.tv_nsec / 1000);
	return json_string(text);
}

/* Takes the lease or renews it; the server refuses if anyone wrote it since it was read. */
static void write_lease(struct lease *l)
{
	json_t *body = l->object ? json_deep_copy(l->object) : NULL, *spec;
	bool exists = body;

	if (!exists)
		body = json_pack("{s:{s:s, s:s}, s:{}}", "metadata", "name", LEASE_NAME, "namespace",
				 l->spec.namespace, "spec");
	spec = json_object_get(body, "spec");
	if (!l->renewed_at) {
		json_put(spec, "acquireTime", now_json());
		json_put(spec, "leaseTransitions",
			 json_integer(json_integer_value(json_get(spec, "leaseTransitions")) + exists));
	}
	json_put(spec, "holderIdentity", json_string(l->spec.identity));
	json_put(spec, "leaseDurationSeconds", json_integer(DURATION_S));
	json_put(spec, "renewTime", now_json());
	l->sent_at = loop_now();
	l->call = api_send(l->api, exists ? "PUT" : "POST", exists ? l->path : l->collection, NULL, body,
			   REQUEST_MS, written, l);
	json_decref(body);
}

/* Whether the last holder has surely stopped: it gave the lease up, or did not write it for its duration. */
static bool is_free(const struct lease *l)
{
	json_int_t duration = json_integer_value(json_get_path(l->object, "spec.leaseDurationSeconds"));

	if (!*json_text(l->object, "spec.holderIdentity"))
		return true;
	if (duration < DURATION_S)
		duration = DURATION_S;
	return loop_now() - l->seen_at >= (uint64_t)duration * 1000 + MARGIN_MS;
}

static void read_lease(void *arg, const struct answer *answer)
{
	struct lease *l = arg;
	bool own;

	l->call = NULL;
	if (answer->status == 404) {
		l->known = true;
		if (l->renewed_at)
			lose(l, "lease deleted");
		else
			write_lease(l);
		return;
	}
	if (answer->status != 200 || !answer->body)
		return again(l);
	remember(l, answer->body);
	own = l->renewed_at && !strcmp(json_text(l->object, "spec.holderIdentity"), l->spec.identity);
	if (l->renewed_at && !own)
		lose(l, "lease taken by another operator");
	else if (own || is_free(l))
		write_lease(l);
	else
		again(l);
}

static void attempt(void *arg)
{
	struct lease *l = arg;

	if (l->renewed_at && l->object)
		write_lease(l);
	else
		l->call = api_send(l->api, "GET", l->path, NULL, NULL, REQUEST_MS, read_lease, l);
}

struct lease *lease_start(struct loop *loop, struct api *api, const struct lease_spec *spec)
{
	struct lease *l = xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->api = api;
	l->spec = *spec;
	snprintf(l->collection, sizeof(l->collection), "/apis/coordination.k8s.io/v1/namespaces/%.63s/leases",
		 spec->namespace);
	snprintf(l->path, sizeof(l->path), "%s/" LEASE_NAME, l->collection);
	attempt(l);
	return l;
}

static void released(void *arg, const struct answer *answer)
{
	struct lease *l = arg;

	(void)answer; /* a failure costs the next leader its wait, no more */
	l->call = NULL;
	l->done(l->done_arg);
}

void lease_release(struct lease *l, void (*done)(void *arg), void *arg)
{
	json_t *body;
	bool held = l->renewed_at && l->object;

	if (l->call)
		api_cancel(l->call);
	l->call = NULL;
	l->renewed_at = 0;
	timer_stop(l->loop, &l->retry);
	timer_stop(l->loop, &l->deadline);
	if (!held)
		return done(arg);
	l->done = done;
	l->done_arg = arg;
	body = json_deep_copy(l->object);
	json_put(json_object_get(body, "spec"), "holderIdentity", json_string(""));
	json_put(json_object_get(body, "spec"), "leaseDurationSeconds", json_integer(1));
	json_put(json_object_get(body, "spec"), "renewTime", now_json());
	l->call = api_send(l->api, "PUT", l->path, NULL, body, RETRY_MS, released, l);
	json_decref(body);
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	api_cancel(l->call);
	timer_stop(l->loop, &l->retry);
	timer_stop(l->loop, &l->deadline);
	json_decref(l->object);
	free(l->seen);
	free(l);
}
