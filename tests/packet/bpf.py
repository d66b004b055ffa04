# SPDX-License-Identifier: GPL-2.0-only
"""A small ctypes binding of libbpf: objects, maps as typed dicts, programs run on a packet.

    node = Programs()
    node.add("build/pod.bpf.o", rodata={"cfg": {"test_clock": True}}, sizes={"pp_flows": 64})
    node.maps["pp_pods"][3] = dict(state="POD_READY", ifindex=7)
    verdict, frame = node.programs["pp_from_pod"].run(frame, ifindex=7)
"""
import ctypes
import ctypes.util
import os
import struct

from btf import Btf, Opaque

lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
P, I, U32, U64, SZ, S = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_uint64,
                         ctypes.c_size_t, ctypes.c_char_p)
PROTOTYPES = {
    "bpf_object__open_file": (P, S, P),
    "bpf_object__load": (I, P),
    "bpf_object__close": (None, P),
    "bpf_object__next_map": (P, P, P),
    "bpf_object__next_program": (P, P, P),
    "bpf_map__name": (S, P),
    "bpf_map__fd": (I, P),
    "bpf_map__type": (I, P),
    "bpf_map__key_size": (U32, P),
    "bpf_map__value_size": (U32, P),
    "bpf_map__max_entries": (U32, P),
    "bpf_map__btf_key_type_id": (U32, P),
    "bpf_map__btf_value_type_id": (U32, P),
    "bpf_map__set_max_entries": (I, P, U32),
    "bpf_map__reuse_fd": (I, P, I),
    "bpf_map__initial_value": (P, P, ctypes.POINTER(SZ)),
    "bpf_map_lookup_elem": (I, I, P, P),
    "bpf_map_update_elem": (I, I, P, P, U64),
    "bpf_map_delete_elem": (I, I, P),
    "bpf_map_get_next_key": (I, I, P, P),
    "bpf_map_update_batch": (I, I, P, P, P, P),
    "bpf_map_delete_batch": (I, I, P, P, P),
    "bpf_map_lookup_batch": (I, I, P, P, P, P, P, P),
    "bpf_program__name": (S, P),
    "bpf_program__fd": (I, P),
    "bpf_program__type": (I, P),
    "bpf_program__set_expected_attach_type": (I, P, I),
    "bpf_prog_test_run_opts": (I, I, P),
    "bpf_obj_get_info_by_fd": (I, I, P, P),
    "bpf_prog_load": (I, I, S, S, P, SZ, P),
    "libbpf_num_possible_cpus": (I, ),
    "libbpf_set_print": (P, P),
}
for name, (result, *arguments) in PROTOTYPES.items():
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments

MAP_PROG_ARRAY, MAP_PERCPU_ARRAY, MAP_PERCPU_HASH, MAP_LRU_PERCPU = 3, 6, 5, 10
MAP_ARRAY, MAP_QUEUE, MAP_STACK, MAP_RINGBUF = 2, 22, 23, 27
PROG_SCHED_CLS, PROG_XDP = 3, 6
CHECKSUM_COMPLETE = 4  # BPF_F_TEST_SKB_CHECKSUM_COMPLETE


class RunOpts(ctypes.Structure):
    _fields_ = [("sz", SZ), ("data_in", P), ("data_out", P), ("data_size_in", U32),
                ("data_size_out", U32), ("ctx_in", P), ("ctx_out", P), ("ctx_size_in", U32),
                ("ctx_size_out", U32), ("retval", U32), ("repeat", I), ("duration", U32),
                ("flags", U32), ("cpu", U32), ("batch_size", U32)]


class BpfError(OSError):
    """A failed bpf call, with errno."""


def check(result, what):
    if isinstance(result, int) and result < 0:
        raise BpfError(-result, f"{what}: {os.strerror(-result)}")
    if result is None:
        raise BpfError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


class Map:
    """One map as a dict of Python values."""
    def __init__(self, name, handle, btf):
        self.name, self.type = name, lib.bpf_map__type(handle)
        self.fd, self.max_entries = lib.bpf_map__fd(handle), lib.bpf_map__max_entries(handle)
        self.key = self.codec(btf, lib.bpf_map__btf_key_type_id(handle),
                              lib.bpf_map__key_size(handle))
        self.value = self.codec(btf, lib.bpf_map__btf_value_type_id(handle),
                                lib.bpf_map__value_size(handle))
        self.stride = -(-self.value.size // 8) * 8
        per_cpu = self.type in (MAP_PERCPU_ARRAY, MAP_PERCPU_HASH, MAP_LRU_PERCPU)
        self.copies = lib.libbpf_num_possible_cpus() if per_cpu else 0
        self.is_array = self.type in (MAP_ARRAY, MAP_PERCPU_ARRAY)

    @staticmethod
    def codec(btf, type_id, size):
        codec = btf.codec(type_id) if type_id else Opaque(size)
        return codec if codec.size == size else Opaque(size)

    def raw_key(self, key):
        if isinstance(key, (bytes, bytearray)):
            return bytes(key)
        if isinstance(key, int) and isinstance(self.key, Opaque) and type(self.key) is Opaque:
            return struct.pack("<I", key)
        return self.key.pack(key)

    def raw(self, key):
        """The value's bytes, or None."""
        out = ctypes.create_string_buffer(self.stride * self.copies or self.value.size)
        if lib.bpf_map_lookup_elem(self.fd, self.raw_key(key), out) < 0:
            return None
        return out.raw

    def __getitem__(self, key):
        raw = self.raw(key)
        if raw is None:
            raise KeyError(key)
        if self.copies:
            return [
                self.value.unpack(raw[i * self.stride:i * self.stride + self.value.size])
                for i in range(self.copies)
            ]
        return self.value.unpack(raw)

    def __setitem__(self, key, value):
        raw = value if isinstance(value, (bytes, bytearray)) else self.value.pack(value)
        if self.copies:
            raw = raw.ljust(self.stride, b"\0") * self.copies
        check(lib.bpf_map_update_elem(self.fd, self.raw_key(key), bytes(raw), 0),
              f"{self.name}[{key}] =")

    def __delitem__(self, key):
        check(lib.bpf_map_delete_elem(self.fd, self.raw_key(key)), f"del {self.name}[{key}]")

    def __contains__(self, key):
        return self.raw(key) is not None

    def raw_keys(self):
        keys, previous, out = [], None, ctypes.create_string_buffer(self.key.size)
        while lib.bpf_map_get_next_key(self.fd, previous, out) == 0:
            keys.append(previous := out.raw)
        return keys

    def items(self):
        for raw in self.raw_keys():
            yield self.key.unpack(raw), self[raw]

    def __len__(self):
        return len(self.raw_keys())

    def clear(self):
        """Deletes all entries; an array's become zero."""
        if self.is_array:
            return self.zero()
        for raw in self.raw_keys():
            lib.bpf_map_delete_elem(self.fd, raw)

    def zero(self):
        """Zeroes an array in one call (max_entries updates where the kernel has no batch)."""
        keys = struct.pack(f"<{self.max_entries}I", *range(self.max_entries))
        values = bytes((self.stride * self.copies or self.value.size) * self.max_entries)
        count = U32(self.max_entries)
        if lib.bpf_map_update_batch(self.fd, keys, values, ctypes.byref(count), None) < 0:
            for key in range(self.max_entries):
                self[key] = bytes(self.value.size)

    def read_all(self):
        """All values of an array as one string of bytes, in one call."""
        keys = ctypes.create_string_buffer(4 * self.max_entries)
        values = ctypes.create_string_buffer(self.value.size * self.max_entries)
        cursor, count = U32(), U32(self.max_entries)
        lib.bpf_map_lookup_batch(self.fd, None, ctypes.byref(cursor), keys, values,
                                 ctypes.byref(count), None)
        return values.raw


class Program:
    """A loaded program."""
    def __init__(self, name, fd, kind):
        self.name, self.fd, self.kind = name, fd, kind
        self.out = ctypes.create_string_buffer(70000)
        self.ctx = ctypes.create_string_buffer(192)

    def run(self, frame, ifindex=0, flags=0, repeat=1, gso_size=0, mark=0, cb=(0, 0)):
        """(verdict, frame afterwards); OSError EBADMSG: skb->csum is invalid."""
        opts = self.options(frame, ifindex, flags, repeat, gso_size, mark, cb)
        check(lib.bpf_prog_test_run_opts(self.fd, ctypes.byref(opts)), self.name)
        self.duration = opts.duration
        self.cb = struct.unpack_from("<2I", self.ctx.raw, 48)
        return opts.retval, self.out[:opts.data_size_out]

    def call(self):
        """Runs a syscall program; returns its result."""
        opts = RunOpts(sz=ctypes.sizeof(RunOpts))
        check(lib.bpf_prog_test_run_opts(self.fd, ctypes.byref(opts)), self.name)
        return opts.retval

    def options(self, frame, ifindex, flags, repeat, gso_size, mark, cb):
        opts = RunOpts(sz=ctypes.sizeof(RunOpts), repeat=repeat, flags=flags)
        opts.data_in, opts.data_size_in = ctypes.cast(ctypes.c_char_p(frame), P), len(frame)
        opts.data_out, opts.data_size_out = ctypes.cast(self.out, P), len(self.out)
        if self.kind == PROG_SCHED_CLS:
            ctypes.memset(self.ctx, 0, 192)
            struct.pack_into("<I", self.ctx, 8, mark)
            struct.pack_into("<I", self.ctx, 40, ifindex)
            struct.pack_into("<2I", self.ctx, 48, *cb)
            struct.pack_into("<I", self.ctx, 176, gso_size)
            struct.pack_into("<I", self.ctx, 164, len(frame) // gso_size + 1 if gso_size else 0)  # gso_segs
            opts.ctx_in, opts.ctx_size_in = ctypes.cast(self.ctx, P), 192
            opts.ctx_out, opts.ctx_size_out = opts.ctx_in, opts.ctx_size_in
        return opts

    def verified_instructions(self):
        """bpf_prog_info.verified_insns."""
        info, size = ctypes.create_string_buffer(256), U32(256)
        check(lib.bpf_obj_get_info_by_fd(self.fd, info, ctypes.byref(size)), self.name)
        return struct.unpack_from("<I", info.raw, 216)[0]


def trivial(kind=PROG_SCHED_CLS, verdict=0):
    """A program that only returns a verdict: the baseline of cost."""
    code = struct.pack("<BBhi", 0xb7, 0, 0, verdict) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    fd = check(lib.bpf_prog_load(kind, b"trivial", b"GPL", code, 2, None), "trivial program")
    return Program("trivial", fd, kind)


def buffer_access():
    """How programs can see the kernel's struct sk_buff here, as the loader finds it (loader/kernel/features.c)."""
    with open("/sys/kernel/btf/vmlinux", "rb") as file:
        return "BUFFER_DIRECT" if b"\0bpf_cast_to_kern_ctx\0" in file.read() else "BUFFER_PROBED"


class Programs:
    """Objects that share their maps by name."""
    def __init__(self, verbose=False):
        self.maps, self.programs, self.handles = {}, {}, []
        if not verbose:
            lib.libbpf_set_print(None)

    def add(self, path, rodata=None, sizes=None):
        """Loads an object: maps that are here already are shared, @rodata and @sizes set before."""
        btf = Btf(path)
        handle = check(lib.bpf_object__open_file(path.encode(), None), path)
        self.handles.append(handle)
        fresh = []
        for entry in self.each(lib.bpf_object__next_map, handle):
            name = lib.bpf_map__name(entry).decode()
            if "." in name:
                if name.endswith(".rodata"):
                    self.set_rodata(entry, btf, rodata or {})
                fresh.append((name, entry))
            elif name in self.maps:
                check(lib.bpf_map__reuse_fd(entry, self.maps[name].fd), f"{path}: share {name}")
            else:
                if name in (sizes or {}):
                    check(lib.bpf_map__set_max_entries(entry, sizes[name]), name)
                fresh.append((name, entry))
        check(lib.bpf_object__load(handle), f"load {path}")
        for name, entry in fresh:
            self.maps[name] = Map(name, entry, btf)
        for entry in self.each(lib.bpf_object__next_program, handle):
            name, fd = lib.bpf_program__name(entry).decode(), lib.bpf_program__fd(entry)
            if fd >= 0:
                self.programs[name] = Program(name, fd, lib.bpf_program__type(entry))
        return btf

    @staticmethod
    def each(following, handle):
        entry = following(handle, None)
        while entry:
            yield entry
            entry = following(handle, entry)

    @staticmethod
    def set_rodata(entry, btf, wanted):
        size = SZ()
        base = lib.bpf_map__initial_value(entry, ctypes.byref(size))
        known = btf.variables(".rodata")
        for name, value in wanted.items():
            if name not in known:
                continue  # another object's
            offset, type_id = known[name]
            codec = btf.codec(type_id)
            if isinstance(value, dict):  # members that are not named keep their defaults
                current = codec.unpack(ctypes.string_at(base + offset, codec.size))
                value = {**current, **value}
            ctypes.memmove(base + offset, codec.pack(value), codec.size)
