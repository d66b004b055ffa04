// SPDX-License-Identifier: GPL-2.0-only
/* Complete maps read in batches: one system call for some thousand entries. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "loader/kernel/map.h"

#define BATCH 512 /* more would be new pages for each read */

struct batch {
	size_t key_size, value_size, room;
	char *keys, *values;
};

static void batch_resize(struct batch *b, size_t room)
{
	b->room = room;
	b->keys = xrealloc(b->keys, room * b->key_size);
	b->values = xrealloc(b->values, room * b->value_size);
}

int map_read_all(int fd, size_t key_size, size_t value_at, size_t value_size, size_t record_size,
		 void **list, size_t *count)
{
	struct batch b = { .key_size = key_size, .value_size = value_size };
	char position[512], next[512];
	char *records = NULL;
	size_t used = 0;
	int err = 0, started = 0;

	*list = NULL;
	*count = 0;
	batch_resize(&b, BATCH);
	while (!err) {
		__u32 got = b.room;

		err = bpf_map_lookup_batch(fd, started ? position : NULL, next, b.keys, b.values,
					   &got, NULL);
		err = err ? -errno : 0;
		if (err == -ENOSPC && !got) {
			/* One bucket holds more entries than the batch has room for. */
			batch_resize(&b, b.room * 2);
			err = 0;
			continue;
		}
		if (err && err != -ENOENT)
			break;
		records = xrealloc(records, (used + got) * record_size);
		for (__u32 i = 0; i < got; i++, used++) {
			char *record = records + used * record_size;

			memset(record, 0, record_size);
			memcpy(record, b.keys + i * key_size, key_size);
			memcpy(record + value_at, b.values + i * value_size, value_size);
		}
		memcpy(position, next, sizeof(position));
		started = 1;
	}
	free(b.keys);
	free(b.values);
	if (err != -ENOENT) {
		free(records);
		return err;
	}
	*list = records;
	*count = used;
	return 0;
}

int map_read_pinned(struct pins *pins, enum pinned_map map, size_t key_size, size_t value_at,
		    size_t value_size, size_t record_size, void **list, size_t *count, struct error *e)
{
	int fd = pins_map(pins, map), err = fd;

	*list = NULL;
	*count = 0;
	if (fd >= 0)
		err = map_read_all(fd, key_size, value_at, value_size, record_size, list, count);
	return err < 0 ? pins_error(pins, pinned_map_names[map], err, e) : 0;
}

/* A grace period of RCU, under which programs run; with nohz_full= the kernel refuses, and time has to do. */
void map_readers_end(void)
{
	const struct timespec delay = { .tv_nsec = 200000000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&delay, NULL);
}
