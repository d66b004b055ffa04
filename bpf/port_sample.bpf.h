/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eviction of a flow for its port when none is free to the destination. The holders of the ports
 * that the search tried are a sample of all port holders of this destination, so nothing needs to
 * be counted while ports are free. If the whole range was tried, the sample is exact.
 */
#ifndef PP_PORT_SAMPLE_BPF_H
#define PP_PORT_SAMPLE_BPF_H

#include "bpf/flow_share.bpf.h"
#include "bpf/port.bpf.h"

#define SAMPLE_MAX (PORT_PROBES + 1)
#define TALLIES 512      /* pods with closer slots have one each */
#define TALLY_PROBES 8

struct holder {
	struct flow_ref flow;
	__u32 pod;
	__u16 port;
	bool lost; /* another CPU took its port */
};

struct tally {
	__u32 sample; /* number of the sample; other values: free */
	__u32 pod;
	__u32 count;
};

struct port_sample {
	__u32 number;  /* identifies this sample */
	__u32 count;   /* holders */
	__u32 pods;    /* number of pods that hold them */
	bool complete; /* all ports of the range were tried */
	struct holder holder[SAMPLE_MAX];
	struct tally tally[TALLIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_sample);
} pp_port_sample SEC(".maps");

static __always_inline struct port_sample *sample_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pp_port_sample, &zero);
}

static __always_inline void sample_begin(struct port_sample *sample)
{
	sample->number++;
	sample->count = 0;
	sample->pods = 0;
}

/* The pod's tally; @fresh: create it if missing. NULL: none, or no room. */
static __always_inline struct tally *tally_of(struct port_sample *sample, __u32 pod, bool fresh)
{
	for (__u32 n = 0; n < TALLY_PROBES; n++) {
		struct tally *tally = &sample->tally[(pod + n) % TALLIES];

		if (tally->sample != sample->number) {
			if (!fresh)
				return NULL;
			*tally = (struct tally){ sample->number, pod, 0 };
			sample->pods++;
			return tally;
		}
		if (tally->pod == pod)
			return tally;
	}
	return NULL;
}

static __always_inline __u32 tally_count(struct port_sample *sample, __u32 pod)
{
	struct tally *tally = tally_of(sample, pod, false);

	return tally ? tally->count : 0;
}

static __always_inline void sample_add(struct port_sample *sample, const struct flow_ref *flow,
				       __u32 pod, __u16 port)
{
	struct tally *tally = tally_of(sample, pod, true);
	__u32 n = sample->count;

	barrier_var(n);
	if (n >= SAMPLE_MAX)
		return;
	sample->holder[n] = (struct holder){ *flow, pod, port, false };
	sample->count = n + 1;
	if (tally)
		tally->count++;
}

struct sample_search {
	__u32 pod, share, now;
	__u32 margin;   /* excess over the share that is significant */
	bool has_share; /* the pod holds at least its share */
	struct victim victim;
};

static __always_inline __u32 holder_rank(const struct sample_search *search, const struct flow *flow,
					 __u32 pod, __u32 count)
{
	struct share_status status = {
		.own = pod == search->pod,
		.above = count > search->share,
	};

	status.yields = status.own ? search->has_share :
			 !search->has_share && count > search->share + search->margin;
	return rank_of(flow->state, &status);
}

/* Considers one port holder as victim. A global function, verified once. */
__noinline int consider_holder(struct sample_search *search, __u32 n)
{
	struct port_sample *sample = sample_get();
	struct holder *holder;
	struct flow *flow;
	__u32 rank = 0, used = 0;

	barrier_var(n);
	if (!search || !sample || n >= SAMPLE_MAX)
		return 1;
	holder = &sample->holder[n];
	if (holder->lost)
		return 0;
	flow = flow_at(holder->flow.slot);
	/* a flow that has ended meanwhile is the best choice */
	if (flow && flow_is_valid(flow, holder->flow.generation) &&
	    flow_is_current(flow, search->now)) {
		rank = holder_rank(search, flow, holder->pod,
				   tally_count(sample, holder->pod));
		used = last_used(flow);
	}
	victim_consider(&search->victim, rank, used, holder->flow.slot,
			holder->flow.generation, n);
	return 0;
}

static int sample_consider(__u32 n, struct sample_search *search)
{
	return consider_holder(search, n) != 0;
}

/* Selects the flow of the sample that gives up its port for @pod; false: none. */
static __always_inline bool sample_victim(__u32 pod, __u32 now, struct victim *victim)
{
	struct port_sample *sample = sample_get();
	struct sample_search search = { .pod = pod, .now = now, .victim.score = NO_VICTIM };
	__u32 mine;

	if (!sample)
		return false;
	mine = tally_count(sample, pod);
	search.share = fair_share(sample->count, sample->pods, mine);
	search.margin = sample->complete ? 0 : sample->count / 8;
	search.has_share = mine >= search.share;
	bpf_loop(sample->count, sample_consider, &search, 0);
	*victim = search.victim;
	return victim->score != NO_VICTIM;
}

#endif
