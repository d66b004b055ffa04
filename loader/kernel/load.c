// SPDX-License-Identifier: GPL-2.0-only
/* The objects of bpf/ opened, configured, loaded and pinned. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "loader/kernel/clock.h"
#include "loader/kernel/load.h"
#include "loader/kernel/objects.h"
#include "loader/kernel/repin.h"
#include "loader/base/trace.h"
#include "loader/net/netns.h"
#include "maps/dispatch.h"

struct loading {
	struct pins *pins;
	const struct options *options;
	bool *resized;
	struct error *e;
	char log[4096]; /* the tail of libbpf's messages */
};

static struct loading *current; /* libbpf's print callback has no argument of its own */

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];
	size_t used;

	if (level > LIBBPF_WARN || !current)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	used = strlen(current->log);
	if (used + strlen(line) < sizeof(current->log))
		memcpy(current->log + used, line, strlen(line) + 1);
	return 0;
}

/* libbpf's first line is the cause; later ones follow from it. */
static const char *cause(struct loading *l)
{
	char *end = strchr(l->log, '\n');

	if (end)
		*end = 0;
	return l->log[0] ? l->log : "no message";
}

/* The entries of a map whose size is an option; 0: of any other. */
static uint32_t entries_of(const char *map, const struct options *options)
{
	if (!strcmp(map, "pp_flows") || !strcmp(map, "pp_flow_fwd") || !strcmp(map, "pp_flow_rev"))
		return options->nat_max;
	if (!strcmp(map, "pp_services") || !strcmp(map, "pp_backends"))
		return options->lb_map_max;
	return strcmp(map, "pp_members") ? 0 : 2 * options->lb_map_max;
}

static void forget_map(const struct loading *l, const char *name)
{
	char path[PATH_MAX + 64];

	pins_path(l->pins, name, path, sizeof(path));
	unlink(path);
}

/*
 * A map of another size cannot be kept: its pin is removed, so that a new map is created, and likewise the
 * pins of maps that count the records of an old flow map. Those of services are filled again.
 */
static void forget_other_size(struct loading *l, const char *path, uint32_t entries, bool flows)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.max_entries != entries) {
		unlink(path);
		if (flows) {
			forget_map(l, "pp_flow_table");
			forget_map(l, "pp_flow_hints");
			forget_map(l, "pp_pod_flows");
		}
		if (flows && l->resized)
			*l->resized = true;
	}
	close(fd);
}

static int place_maps(struct loading *l, struct bpf_object *object)
{
	char path[PATH_MAX + 64];
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		uint32_t entries = l->options ? entries_of(name, l->options) : 0;

		if (strncmp(name, "pp_", 3))
			continue;
		pins_path(l->pins, name, path, sizeof(path));
		if (entries && bpf_map__type(map) != BPF_MAP_TYPE_UNSPEC && bpf_map__max_entries(map) > 1) {
			forget_other_size(l, path, entries, !strncmp(name, "pp_flow", 7));
			err = bpf_map__set_max_entries(map, entries);
		}
		if (!err)
			err = bpf_map__set_pin_path(map, path);
		if (err)
			return error_set(l->e, err, "%s: cannot place map: %s", name, strerror(-err));
	}
	return 0;
}

/* bpffs renames over an existing pin: there is no moment without a program. */
static int pin_program(struct loading *l, struct bpf_program *program)
{
	char path[PATH_MAX + 64], fresh[PATH_MAX + 80];
	int err;

	snprintf(path, sizeof(path), "%s/prog/%s", l->pins->root.dir, bpf_program__name(program));
	snprintf(fresh, sizeof(fresh), "%s_new", path);
	unlink(fresh);
	err = bpf_program__pin(program, fresh);
	if (!err && rename(fresh, path))
		err = -errno;
	return err ? error_set(l->e, err, "%s: cannot pin: %s", path, strerror(-err)) : 0;
}

/* The object opened and configured, with its maps in place; not loaded. NULL with a sentence. */
static struct bpf_object *open_object(struct loading *l, const struct object_file *file,
				      const struct datapath_config *cfg)
{
	struct bpf_object *object;
	int err;

	l->log[0] = 0;
	object = file->open(cfg);
	if (!object) {
		error_set(l->e, -errno, "bpf/%s: cannot open: %s", file->name, strerror(errno));
		return NULL;
	}
	err = place_maps(l, object);
	if (!err)
		return object;
	bpf_object__close(object);
	errno = -err;
	return NULL;
}

/*
 * expected_attach_type stays 0 for all tc programs: tcx and clsact take it on every kernel, and prog
 * arrays refuse a mix of types.
 */
static int load_object(struct loading *l, const struct object_file *file,
		       const struct datapath_config *cfg)
{
	struct bpf_object *object = open_object(l, file, cfg);
	struct bpf_program *program;
	int err;

	if (!object)
		return -errno;
	err = bpf_object__load(object);
	if (err)
		error_set(l->e, err,
			  "bpf/%s: the kernel refused it: %s (%s); run 'pinpool version' for what the kernel has",
			  file->name, strerror(-err), cause(l));
	bpf_object__for_each_program(program, object)
		if (!err)
			err = pin_program(l, program);
	bpf_object__close(object);
	if (!err)
		trace("bpf/%s: loaded and pinned", file->name);
	return err;
}

static int load_files(struct loading *l, const struct object_file *files,
		      const struct datapath_config *cfg)
{
	libbpf_print_fn_t before;
	int err = 0;

	current = l;
	before = libbpf_set_print(keep_log);
	for (const struct object_file *f = files; !err && f->name; f++)
		err = load_object(l, f, cfg);
	libbpf_set_print(before);
	current = NULL;
	/* The old programs' descriptors are stale now. */
	pins_forget(l->pins);
	return err;
}

/* A map that no program uses: bound to one, it is found again should its pin get lost (repin.h). */
static int bind_map(struct pins *pins, enum pinned_prog prog, enum pinned_map name, struct error *e)
{
	int map = pins_map(pins, name), program = pins_prog(pins, prog);

	if (map < 0)
		return pins_error(pins, pinned_map_names[name], map, e);
	if (program < 0)
		return pins_error(pins, pinned_prog_names[prog], program, e);
	if (bpf_prog_bind_map(program, map, NULL) && errno != EEXIST)
		return pins_error(pins, pinned_map_names[name], -errno, e);
	return 0;
}

static int bind_services(struct pins *pins, struct error *e)
{
	int err = bind_map(pins, PROG_SERVICE_SET, PIN_MEMBERS, e);

	if (!err)
		err = bind_map(pins, PROG_SERVICE_SET, PIN_BACKENDS, e);
	return err ? err : bind_map(pins, PROG_SERVICE_SET, PIN_SOURCE_RANGES, e);
}

int load_ipam(struct pins *pins, struct error *e)
{
	struct loading l = { .pins = pins, .e = e };
	struct datapath_config none = {};
	int err = repin_maps(pins, e);

	if (!err)
		err = load_files(&l, ipam_files, &none);
	if (!err)
		err = bind_map(pins, PROG_POOL_SET, PIN_NODES, e);
	if (!err)
		err = bind_map(pins, PROG_POOL_SET, PIN_METADATA, e);
	return err ? err : bind_map(pins, PROG_POOL_SET, PIN_ENDPOINTS, e);
}

/* One slot moves all pods of the node to the new program. */
static int dispatch(struct pins *pins, struct error *e)
{
	int map = pins_map(pins, PIN_DISPATCH), program = pins_prog(pins, PROG_FROM_POD);
	__u32 slot = DISPATCH_POD;

	if (map < 0)
		return pins_error(pins, "pp_dispatch", map, e);
	if (program < 0)
		return pins_error(pins, "pp_from_pod", program, e);
	if (bpf_map_update_elem(map, &slot, &program, BPF_ANY))
		return pins_error(pins, "pp_dispatch", -errno, e);
	return 0;
}

/* Time is counted in units of 2^shift ticks, about a second (maps/datapath.h). */
static __u32 clock_units(__u32 seconds, __u32 shift)
{
	__u32 units = (__u64)seconds * features()->hz >> shift;

	return units ? units : 1;
}

static void clock_configure(struct datapath_config *cfg)
{
	__u32 shift = clock_shift(features()->hz);

	cfg->clock_shift = shift;
	for (int s = 0; s < FLOW_STATES; s++)
		cfg->timeout[s] = clock_units(cfg->timeout[s], shift);
	cfg->reset_timeout = clock_units(cfg->reset_timeout, shift);
	cfg->transitory_timeout = clock_units(cfg->transitory_timeout, shift);
	cfg->stream_after = clock_units(cfg->stream_after, shift) + 1; /* not early */
	cfg->inbound_timeout = clock_units(cfg->inbound_timeout, shift);
	cfg->inbound_established = clock_units(cfg->inbound_established, shift);
}

static void sockets_configure(const struct options *options, struct sockets_config *c)
{
	uint64_t cookie;

	/* the node's: `up` runs there */
	c->netns_cookie = netns_cookie(-1, &cookie, NULL) ? 0 : cookie;
	c->node_port_min = options->node_port_min;
	c->node_port_max = options->node_port_max;
	c->hostns_only = options->lb_sock_hostns_only;
}

static void datapath_configure(const struct options *options, struct datapath_config *cfg)
{
	*cfg = (struct datapath_config)DATAPATH_DEFAULTS;
	clock_configure(cfg);
	cfg->fib_skip_neigh = features()->fib_skip_neigh ? FIB_LOOKUP_SKIP_NEIGH : 0;
	for (int f = 0; f < FAMILIES; f++)
		cfg->fib_source[f] = features()->fib_source ? FIB_LOOKUP_SRC : 0;
	cfg->buffer_access = features()->buffer_access;
	cfg->port_min = options->snat_port_min;
	cfg->port_max = options->snat_port_max;
	cfg->flows = options->nat_max;
	cfg->portless = options->masquerade_portless;
	sockets_configure(options, &cfg->sockets);
	if (getrandom(&cfg->secret, sizeof(cfg->secret), 0) < 0)
		cfg->secret = getpid();
	if (getrandom(&cfg->mark_secret, sizeof(cfg->mark_secret), 0) < 0)
		cfg->mark_secret = 0;
}

int load_datapath(struct pins *pins, const struct options *options, bool *resized, struct error *e)
{
	struct loading l = { .pins = pins, .options = options, .resized = resized, .e = e };
	struct datapath_config cfg;
	int err;

	*resized = false;
	datapath_configure(options, &cfg);
	err = load_files(&l, datapath_files, &cfg);
	if (!err)
		err = bind_services(pins, e);
	return err ? err : dispatch(pins, e);
}

struct bpf_object *load_open_guard(struct pins *pins, const struct options *options,
				   struct error *e)
{
	struct loading l = { .pins = pins, .options = options, .e = e };
	libbpf_print_fn_t before = libbpf_set_print(keep_log);
	struct datapath_config cfg;
	struct bpf_object *object;

	datapath_configure(options, &cfg);
	current = &l;
	object = open_object(&l, &guard_file, &cfg);
	current = NULL;
	libbpf_set_print(before);
	return object;
}
