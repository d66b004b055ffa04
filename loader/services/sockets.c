// SPDX-License-Identifier: GPL-2.0-only
/* Links of the socket programs to a cgroup, pinned beside those of the uplinks. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "loader/base/trace.h"
#include "loader/services/sockets.h"
#include "maps/services.h"

/* Answers are translated back before the first question is translated; detached the other way round. */
static const struct hook {
	enum pinned_prog prog;
	enum bpf_attach_type type;
} hooks[] = {
	{ PROG_RECEIVE4, BPF_CGROUP_UDP4_RECVMSG }, { PROG_RECEIVE6, BPF_CGROUP_UDP6_RECVMSG },
	{ PROG_GETPEERNAME4, BPF_CGROUP_INET4_GETPEERNAME }, { PROG_GETPEERNAME6, BPF_CGROUP_INET6_GETPEERNAME },
	{ PROG_POST_BIND4, BPF_CGROUP_INET4_POST_BIND }, { PROG_POST_BIND6, BPF_CGROUP_INET6_POST_BIND },
	{ PROG_SEND4, BPF_CGROUP_UDP4_SENDMSG }, { PROG_SEND6, BPF_CGROUP_UDP6_SENDMSG },
	{ PROG_CONNECT4, BPF_CGROUP_INET4_CONNECT }, { PROG_CONNECT6, BPF_CGROUP_INET6_CONNECT },
};

#define HOOKS (sizeof(hooks) / sizeof(*hooks))

static void link_path(const struct context *node, const struct hook *h, char *path, size_t size)
{
	snprintf(path, size, "%s/link/%s", node->pins.root.dir, pinned_prog_names[h->prog]);
}

/*
 * The kernel shows this file to its first network namespace alone. A lab may have a process 1 of its own and a
 * view of the machine's cgroups, but not this.
 */
static bool is_machine(void)
{
	return !access("/proc/sys/net/core/dev_weight", F_OK);
}

/* The first cgroup2 of the mounts that does not show what is above this process's root. */
static bool find_cgroup2(char path[PP_PATH])
{
	char line[1024], root[256], at[256];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *type = strstr(line, " - ");

		found = type && !strncmp(type, " - cgroup2 ", 11) &&
			sscanf(line, "%*s %*s %*s %255s %255s", root, at) == 2 && strncmp(root, "/..", 3);
	}
	if (f)
		fclose(f);
	if (found)
		snprintf(path, PP_PATH, "%s", at);
	return found;
}

/*
 * The cgroup2 directory: the option, or the root of the hierarchy as this process sees it. The latter only on
 * the machine itself: a node in a network namespace of its own (a lab) would take the sockets of all others.
 */
static int find_cgroup(const struct options *options, char path[PP_PATH], struct error *e)
{
	struct statfs fs;

	if (*options->cgroup_root) {
		snprintf(path, PP_PATH, "%s", options->cgroup_root);
		if (!statfs(path, &fs) && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC)
			return 0;
		return error_set(e, -EINVAL, "option cgroup-root: %s is not a directory of a cgroup2 file system", path);
	}
	if (!is_machine())
		return error_set(e, -ENOENT,
				 "sockets are not translated: the node has a network namespace of its own; set cgroup-root to the cgroup of its processes");
	if (!find_cgroup2(path))
		return error_set(e, -ENOENT,
				 "sockets are not translated: no cgroup2 is mounted; run 'mount -t cgroup2 none DIR', or set cgroup-root");
	return 0;
}

static bool has_frontends(struct context *node)
{
	struct service_key key;

	return !bpf_map_get_next_key(pins_map(&node->pins, PIN_SERVICES), NULL, &key);
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Whether the link attaches the program to the cgroup with the inode. */
static bool is_right(int link, int program, ino_t cgroup, bool *elsewhere)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	*elsewhere = bpf_obj_get_info_by_fd(link, &info, &size) || info.cgroup.cgroup_id != cgroup;
	return !*elsewhere && info.prog_id == program_id(program);
}

static int make_link(const struct hook *h, int program, int cgroup, const char *path, struct error *e)
{
	int link = bpf_link_create(program, cgroup, h->type, NULL), err;

	if (link < 0)
		return error_set(e, -errno, "%s: cannot attach to the cgroup: %s; see 'pinpool version'",
				 pinned_prog_names[h->prog], strerror(errno));
	unlink(path);
	err = bpf_obj_pin(link, path) ? error_set(e, -errno, "%s: cannot pin: %s", path, strerror(errno)) : 0;
	close(link);
	return err;
}

/* A link that is there gets the present program in one step. */
static int attach(struct context *node, const struct hook *h, int cgroup, ino_t inode, struct error *e)
{
	int program = pins_prog(&node->pins, h->prog), link, err = 0;
	char path[PATH_MAX + 64];
	bool elsewhere = true;

	if (program < 0)
		return pins_error(&node->pins, pinned_prog_names[h->prog], program, e);
	link_path(node, h, path, sizeof(path));
	link = bpf_obj_get(path);
	if (link < 0 || !is_right(link, program, inode, &elsewhere))
		err = elsewhere || bpf_link_update(link, program, NULL) ? make_link(h, program, cgroup, path, e) : 0;
	if (link >= 0)
		close(link);
	return err;
}

void sockets_detach(struct context *node)
{
	char path[PATH_MAX + 64];

	for (size_t i = HOOKS; i-- > 0;) {
		link_path(node, &hooks[i], path, sizeof(path));
		if (!unlink(path))
			trace("sockets: %s detached", pinned_prog_names[hooks[i].prog]);
	}
}

static bool is_wanted(struct context *node, const struct options *options)
{
	return options->kube_proxy_replacement && options->lb_sock && has_frontends(node);
}

int sockets_sync(struct context *node, const struct options *options, struct error *e)
{
	char path[PP_PATH];
	struct stat st;
	int err = is_wanted(node, options) ? find_cgroup(options, path, e) : -ENOENT, cgroup;

	if (err) {
		sockets_detach(node);
		return err == -ENOENT ? 0 : err;
	}
	cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0 || fstat(cgroup, &st))
		err = error_set(e, -errno, "%s: cannot open the cgroup: %s; set cgroup-root", path, strerror(errno));
	for (size_t i = 0; !err && i < HOOKS; i++)
		err = attach(node, &hooks[i], cgroup, st.st_ino, e);
	if (cgroup >= 0)
		close(cgroup);
	return err;
}

enum sockets_state sockets_read(struct context *node, const struct options *options, char *text)
{
	char cgroup[PP_PATH], path[PATH_MAX + 64];
	struct error why;
	struct stat st;
	size_t right = 0;

	*text = 0;
	if (!is_wanted(node, options))
		return SOCKETS_OFF;
	if (find_cgroup(options, cgroup, &why) || stat(cgroup, &st)) {
		snprintf(text, SOCKETS_TEXT, "%.500s", why.text);
		return *options->cgroup_root || is_machine() ? SOCKETS_NO_CGROUP : SOCKETS_OFF;
	}
	snprintf(text, SOCKETS_TEXT, "%s", cgroup);
	for (size_t i = 0; i < HOOKS; i++) {
		bool elsewhere;
		int link;

		link_path(node, &hooks[i], path, sizeof(path));
		link = bpf_obj_get(path);
		right += link >= 0 && is_right(link, pins_prog(&node->pins, hooks[i].prog), st.st_ino, &elsewhere);
		if (link >= 0)
			close(link);
	}
	return right == HOOKS ? SOCKETS_ATTACHED : SOCKETS_PARTLY;
}
