# SPDX-License-Identifier: GPL-2.0-only
"""Shared parts of scripts/bench: commands in namespaces, the C helpers, medians."""
import glob
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PINPOOL = os.environ.get("PINPOOL", f"{BUILD}/pinpool")
PINPOOL_CNI = os.environ.get("PINPOOL_CNI", f"{BUILD}/pinpool-cni")
CNI_DIR = os.environ.get("CNI_PATH", "/usr/lib/cni")
CPU = max(os.sched_getaffinity(0))  # both ends of all traffic
CGROUP = os.environ.get("PP_BENCH_CGROUP", "")  # in which all of this run is
SCRATCH = os.environ.get("PP_BENCH_SCRATCH", "")  # a folder of this run's: on a disk, as the peers' own state is


class BenchError(Exception):
    """Something could not be measured; the text names it and the reason."""


def run(*command, netns=None, fails=False, timeout=120, **more):
    """stdout of a command, in a namespace; an error has its last line of stderr."""
    words = [str(w) for w in command]
    if netns:
        words = ["nsenter", f"--net=/run/netns/{netns}", "--", *words]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, **more)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{' '.join(words)[:100]}: not done after {timeout:.0f} s") from error
    if done.returncode and not fails:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise BenchError(f"{' '.join(str(w) for w in command)[:100]}: {said}")
    return done.stdout


def ip(netns, text):
    """Lines for `ip -batch`."""
    run("ip", "-n", netns, "-batch", "-", input=text)


def sysctl(netns, **values):
    for name, value in values.items():
        path = "/proc/sys/" + name.replace("__", "/")
        run("sh", "-c", f"! [ -e {path} ] || echo {value} >{path}", netns=netns)


def compile_helpers():
    """Rebuilds build/bench_net, bench_spawn, bench_ipam if they are older than their sources."""
    packages = "libbpf libxdp libnl-3.0 yaml-0.1 jansson".split()
    flags = run("pkg-config", "--cflags", "--libs", *packages).split()
    # of the sources: build/ may still have objects of files that are gone
    modules = [f"{BUILD}/{f[:-2]}.o" for f in glob.glob("loader/*/*.c") if not re.search(r"/((cmd|kube)/\w+|cni/cni)\.c$", f)]
    for name, more in (("net", []), ("spawn", []), ("ipam", [*modules, "-I.", f"-I{BUILD}", *flags])):
        source, target = f"scripts/bench/{name}.c", f"{BUILD}/bench_{name}"
        inputs = [f"{ROOT}/{source}", *[f for f in more if f in modules]]
        if os.path.exists(target) and all(os.path.getmtime(target) > os.path.getmtime(f) for f in inputs):
            continue
        run(os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
            "-Wno-format-truncation", "-O2", "-o", target, source, *more, cwd=ROOT)


def own_cgroup():
    """Makes a cgroup two levels below ours; "" without cgroup2, where all of a run stay in the caller's."""
    if not os.path.exists("/sys/fs/cgroup/cgroup.procs"):
        return ""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        ours = file.read().strip().split("::")[-1].rstrip("/")
    path = f"/sys/fs/cgroup{ours}/pinpool-bench-{os.getpid()}/pod"
    os.makedirs(path)
    return path


def enter(arguments):
    """Restarts this script in namespaces that end with it, however it ends."""
    if os.environ.get("PP_BENCH_INSIDE") == "1":
        run("mount", "--make-rprivate", "/")
        for kind, place in (("tmpfs", "/run"), ("bpf", "/sys/fs/bpf")):
            run("mount", "-t", kind, kind, place)
        os.makedirs("/run/netns")
        os.makedirs("/run/lock")
        run("ip", "link", "set", "lo", "up")
        return
    if os.geteuid():
        sys.exit("bench: needs root: it makes network namespaces")
    scratch = tempfile.mkdtemp(prefix="pinpool-bench.", dir="/var/tmp")
    cgroup = own_cgroup()
    os.environ.update(PP_BENCH_INSIDE="1", PP_BENCH_SCRATCH=scratch, PP_BENCH_CGROUP=cgroup)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: terminated"))
    # the end of this process ends everything inside
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
               sys.executable, *arguments]
    if cgroup:
        command = ["sh", "-c", f'echo $$ >{cgroup}/cgroup.procs && exec "$@"', "sh", *command]
    try:
        sys.exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
    finally:
        subprocess.run(["rm", "-rf", scratch], check=False)
        if cgroup:
            subprocess.run(["rmdir", cgroup, os.path.dirname(cgroup)], check=False)


def client(mode, netns, address, seconds=1.0, streams=1):
    """One run of bench_net as the asking side."""
    out = run(f"{BUILD}/bench_net", mode, CPU, address, seconds, streams, netns=netns, timeout=seconds * 3 + 30)
    return json.loads(out) if mode != "who" else out.strip()


def spawn(command, count=1, parallel=1, first=0, stdin="/dev/null", netns=None, env=None):
    """The runs of a command as reported by bench_spawn, and the wall time of all in ms."""
    said = f"{SCRATCH}/said"
    if os.path.exists(said):
        os.unlink(said)
    # commands are called with any root, and must not see this one's environment
    out = run(f"{BUILD}/bench_spawn", "-j", parallel, "-n", count, "-f", first, "-i", stdin, "-o", said, "--",
              *command, netns=netns, timeout=600, env={"PATH": os.environ["PATH"], **(env or {})})
    *runs, total = [json.loads(line) for line in out.splitlines()]
    bad = [r for r in runs if r["status"]]
    if bad:
        with open(said, encoding="utf-8", errors="replace") as file:
            text = " ".join(file.read().split())[-300:]
        raise BenchError(f"{command[0]}: {len(bad)} of {count} failed, status {bad[0]['status']}: {text}")
    return runs, total["wall_ms"]


def median(values):
    return statistics.median(values)


def percent(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def say(text):
    print(text, file=sys.stderr, flush=True)
