// SPDX-License-Identifier: GPL-2.0-only
/* Pins listed from their directory, and their memory from the kernel's fdinfo. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/kernel/map.h"
#include "loader/kernel/usage.h"

uint64_t memory_of(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

static void add(struct pinned **list, size_t *count, const char *path, const char *name,
		bool program)
{
	int fd = bpf_obj_get(path);
	struct pinned *p;

	if (fd < 0)
		return;
	*list = xrealloc(*list, (*count + 1) * sizeof(**list));
	p = &(*list)[(*count)++];
	*p = (struct pinned){ .program = program, .bytes = memory_of(fd) };
	snprintf(p->name, sizeof(p->name), "%s", name);
	close(fd);
}

static int list_folder(const char *folder, bool program, struct pinned **list, size_t *count,
		       struct error *e)
{
	char path[PATH_MAX + 300];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		return error_set(e, -errno, "%s: cannot read: %s; run 'pinpool up'", folder,
				 strerror(errno));
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type != DT_DIR && entry->d_name[0] != '.')
			add(list, count, path, entry->d_name, program);
	}
	closedir(dir);
	return 0;
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct pinned *x = a, *y = b;

	return x->program != y->program ? x->program - y->program : strcmp(x->name, y->name);
}

int pinned_list(const struct pins *pins, struct pinned **list, size_t *count, struct error *e)
{
	char path[PATH_MAX + 64];
	int err;

	*list = NULL;
	*count = 0;
	err = list_folder(pins->root.dir, false, list, count, e);
	pins_path(pins, "prog", path, sizeof(path));
	/* A missing folder has no programs; the caller reports each by name. */
	if (!err)
		list_folder(path, true, list, count, NULL);
	if (*count)
		qsort(*list, *count, sizeof(**list), by_kind_and_name);
	return err;
}
