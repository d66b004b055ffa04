// SPDX-License-Identifier: GPL-2.0-only
/* The CNI configuration, by which kubelet takes the node for ready. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loader/kube/agent.h"

/* Version 1.0.0: of a 1.1.0 list, containerd 2.4 asks STATUS of all plugins, which Debian's do not know. */
static json_t *contents(bool portmap)
{
	json_t *plugins = json_pack("[{s:s, s:{s:b, s:b, s:b, s:b}}]", "type", "pinpool-cni", "capabilities", "ips", 1,
				    "mac", 1, "portMappings", 1, "io.kubernetes.cri.pod-annotations", 1);

	if (portmap)
		json_array_append_new(plugins, json_pack("{s:s, s:{s:b}}", "type", "portmap", "capabilities",
							 "portMappings", 1));
	return json_pack("{s:s, s:s, s:o}", "cniVersion", "1.0.0", "name", "pods", "plugins", plugins);
}

/* The file is the old one or the new one. */
static int replace(const char *path, const json_t *json, struct error *e)
{
	char other[PATH_MAX];
	int err = 0;

	if (snprintf(other, sizeof(other), "%s.new", path) >= (int)sizeof(other))
		return error_set(e, -ENAMETOOLONG, "%s: too long a path", path);
	if (json_dump_file(json, other, JSON_INDENT(2)) || rename(other, path)) {
		err = error_set(e, -EIO, "%s: cannot be written: %s; kubelet takes the node for not ready", path,
				strerror(errno));
		unlink(other);
	}
	return err;
}

/* As Cilium's option of this name: other networks' files are put aside, so that no runtime chooses them. */
static void put_aside(const char *path)
{
	char directory[PATH_MAX], from[PATH_MAX + 256], to[PATH_MAX + 280];
	const char *slash = strrchr(path, '/');
	struct dirent *entry;
	DIR *dir;

	snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	dir = opendir(directory);
	while (dir && (entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || (strcmp(dot, ".conf") && strcmp(dot, ".conflist") && strcmp(dot, ".json")) ||
		    !strcmp(entry->d_name, slash ? slash + 1 : path))
			continue;
		snprintf(from, sizeof(from), "%s/%s", directory, entry->d_name);
		snprintf(to, sizeof(to), "%s.pinpool_bak", from);
		if (!rename(from, to))
			log_line("cni-exclusive: %s is %s.pinpool_bak now", from, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static bool is_exclusive(struct agent *a)
{
	struct options options;
	bool exclusive;

	if (context_options(&a->reader, &options, NULL))
		return false;
	exclusive = options.cni_exclusive;
	options_free(&options);
	return exclusive;
}

void conflist_keep(struct agent *a)
{
	char portmap[PATH_MAX];
	struct error e;
	json_t *json, *old;
	int err = 0;

	if (!*a->conflist || !a->is_synced)
		return;
	old = json_load_file(a->conflist, 0, NULL);

	snprintf(portmap, sizeof(portmap), "%s/portmap", a->cni_bin);
	/* a link leads elsewhere where the agent is in a container */
	json = contents(!faccessat(AT_FDCWD, portmap, F_OK, AT_SYMLINK_NOFOLLOW));
	if (!json_equal(old, json))
		err = replace(a->conflist, json, &e);
	if (err)
		log_line("%s", e.text);
	else if (is_exclusive(a))
		put_aside(a->conflist);
	json_decref(old);
	json_decref(json);
}
