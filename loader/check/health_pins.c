// SPDX-License-Identifier: GPL-2.0-only
/* Which maps and programs are pinned, against those that this binary carries; and their memory. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "loader/check/health_parts.h"
#include "loader/kernel/load.h"
#include "loader/kernel/usage.h"
#include "loader/kernel/objects.h"
#include "maps/calls.h"
#include "maps/dispatch.h"

struct pin_check {
	struct health_part *maps, *programs;
	const struct pinned *list;
	size_t count;
};

static bool is_pinned(const struct pin_check *c, const char *name, bool program)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].program == program && !strcmp(c->list[i].name, name))
			return true;
	return false;
}

/* Says it once, however many objects have the map. */
static void require(const struct pin_check *c, struct health_part *p, const char *name,
		    bool program)
{
	const char *said;
	size_t length = strlen(name);

	if (is_pinned(c, name, program))
		return;
	for (said = p->text; !p->ok && (said = strstr(said, name)); said += length)
		if (!said[length] || said[length] == ' ' || said[length] == ',')
			return;
	part_fail(p, "%s is missing", name);
}

static void require_file(const struct pin_check *c, const struct object_file *file)
{
	struct bpf_object *object = file->open(NULL);
	struct bpf_program *program;
	struct bpf_map *map;

	if (!object)
		return;
	bpf_object__for_each_map(map, object) if (!strncmp(bpf_map__name(map), "pp_", 3))
		require(c, c->maps, bpf_map__name(map), false);
	bpf_object__for_each_program(program, object)
		require(c, c->programs, bpf_program__name(program), true);
	bpf_object__close(object);
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Where programs jump to: nothing but `up` fills it, and a pin that was removed empties it. */
static const struct {
	enum pinned_map map;
	__u32 slot;
	enum pinned_prog program;
	const char *who;
} jumps[] = {
	{ PIN_DISPATCH, DISPATCH_POD, PROG_FROM_POD, "pods" },
	{ PIN_CALLS, CALL_MASQUERADE, PROG_MASQUERADE, "packets to outside" },
	{ PIN_CALLS, CALL_MASQUERADE_SLOW, PROG_MASQUERADE_SLOW, "new connections to outside" },
	{ PIN_CALLS, CALL_FROM_NET_SLOW, PROG_FROM_NET_SLOW, "fragments and errors from outside" },
};

static void check_jumps(struct health_part *p, struct pins *pins)
{
	for (size_t i = 0; i < sizeof(jumps) / sizeof(*jumps); i++) {
		int map = pins_map(pins, jumps[i].map), program = pins_prog(pins, jumps[i].program);
		__u32 id = 0;

		if (map < 0 || program < 0)
			continue; /* said already */
		if (bpf_map_lookup_elem(map, &jumps[i].slot, &id) || !id)
			part_fail(p, "%s have no program: their slot in %s is empty", jumps[i].who,
				  pinned_map_names[jumps[i].map]);
		else if (id != program_id(program))
			part_fail(p, "%s run another program than %s", jumps[i].who,
				  pinned_prog_names[jumps[i].program]);
	}
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static void sum_memory(struct health *h, const struct pinned *list, size_t count)
{
	struct health_part *p = part_begin(h, "memory");
	const double mib = 1 << 20;

	for (size_t i = 0; i < count; i++)
		*(list[i].program ? &h->program_bytes : &h->map_bytes) += list[i].bytes;
	part_note(p, "maps %s%.1f MiB", features()->map_memory ? "" : "at most ", h->map_bytes / mib);
	part_note(p, "programs %.1f MiB", h->program_bytes / mib);
}

void health_pins(struct health *h, struct pins *pins)
{
	struct pin_check c = { .maps = part_begin(h, "maps") };
	libbpf_print_fn_t before;
	struct pinned *list;
	struct error e;
	size_t programs = 0;

	c.programs = part_begin(h, "programs");
	if (pinned_list(pins, &list, &c.count, &e)) {
		part_fail(c.maps, "%s", e.text);
		return;
	}
	c.list = list;
	for (size_t i = 0; i < c.count; i++)
		programs += list[i].program;
	part_note(c.maps, "%zu pinned", c.count - programs);
	part_note(c.programs, "%zu pinned", programs);
	before = libbpf_set_print(silent);
	for (const struct object_file *f = ipam_files; f->name; f++)
		require_file(&c, f);
	for (const struct object_file *f = datapath_files; f->name; f++)
		require_file(&c, f);
	libbpf_set_print(before);
	check_jumps(c.programs, pins);
	part_end(c.maps, "run 'pinpool up'");
	part_end(c.programs, "run 'pinpool up'");
	sum_memory(h, list, c.count);
	free(list);
}
