/* SPDX-License-Identifier: GPL-2.0-only */
/* For C tests that change network state: namespaces of their own, gone with the process. */
#ifndef PP_SANDBOX_H
#define PP_SANDBOX_H

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/tap.h"

/* Network and mount namespaces, an empty /run, a bpffs on /sys/fs/bpf. Needs root. */
static inline void sandbox_enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir("/run/netns", 0755) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		printf("Bail out! cannot make namespaces: %m\n");
		exit(1);
	}
}

/*
 * A cgroup of its own in a cgroup namespace, whose hierarchy is mounted on @dir. The caller goes on in a child; its
 * parent ends with its status and removes the cgroup. In the mount namespace of sandbox_enter().
 */
static inline void sandbox_cgroup(const char *dir)
{
	char outer[] = "/run/cgroup-XXXXXX", own[64], procs[96];
	int status = 1;
	FILE *f;

	if (!mkdtemp(outer) || mount("cgroup2", outer, "cgroup2", 0, NULL))
		abort();
	snprintf(own, sizeof(own), "%s/pinpool-test-%d", outer, getpid());
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", own);
	if (mkdir(own, 0755) || (mkdir(dir, 0755) && access(dir, F_OK)))
		abort();
	if (fork()) {
		wait(&status);
		for (int i = 0; i < 100 && rmdir(own); i++)
			usleep(10000);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	f = fopen(procs, "w");
	if (!f || fprintf(f, "0") != 1 || fclose(f) || unshare(CLONE_NEWCGROUP) ||
	    mount("cgroup2", dir, "cgroup2", 0, NULL))
		abort();
}

/* A new network namespace as a descriptor. */
static inline int sandbox_netns(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (home < 0 || unshare(CLONE_NEWNET))
		abort();
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(home, CLONE_NEWNET))
		abort();
	close(home);
	return fd;
}

/* A program that lets everything pass. */
static inline int sandbox_program(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "pp_test", "GPL", pass, 2, NULL);

	if (fd < 0)
		printf("# bpf_prog_load: %m\n");
	return fd;
}

static inline uint32_t sandbox_program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* Runs a shell command; true if it succeeds. */
__attribute__((format(printf, 1, 2))) static inline bool sh(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

static inline double sandbox_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

#endif
