// SPDX-License-Identifier: GPL-2.0-only
/* pp_stats, read and summed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/counters.h"
#include "loader/kernel/map.h"

#define VERDICT_NAME(id, member, text) [STAT_##id] = { COUNTER_VERDICT, #member, text },
#define DROP_NAME(id, member, text) [STAT_##id] = { COUNTER_DROP, #member, text },
#define FLOW_NAME(id, member, text) [STAT_##id] = { COUNTER_FLOW, #member, text },

const struct counter_name counter_names[STATS_COUNT] = {
	STATS_VERDICTS(VERDICT_NAME)
	STATS_DROPS(DROP_NAME)
	STATS_FLOWS(FLOW_NAME)
};

int counters_read(struct pins *pins, struct counter counters[STATS_COUNT], struct error *e)
{
	int fd = pins_map(pins, PIN_STATS), cpus = libbpf_num_possible_cpus(), err = 0;
	struct counter *all;
	__u32 zero = 0;

	if (fd < 0)
		return pins_error(pins, "pp_stats", fd, e);
	if (cpus < 0)
		return error_set(e, cpus, "cpus: cannot count them: %s", strerror(-cpus));
	all = xcalloc(cpus, sizeof(struct stats));
	if (bpf_map_lookup_elem(fd, &zero, all))
		err = pins_error(pins, "pp_stats", -errno, e);
	memset(counters, 0, STATS_COUNT * sizeof(*counters));
	for (size_t i = 0; i < (size_t)cpus * STATS_COUNT; i++) {
		counters[i % STATS_COUNT].packets += all[i].packets;
		counters[i % STATS_COUNT].bytes += all[i].bytes;
	}
	free(all);
	return err;
}
