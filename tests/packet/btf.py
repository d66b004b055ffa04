# SPDX-License-Identifier: GPL-2.0-only
"""BTF of an object file as Python codecs: a dict in, the bytes of the struct out, and back.

Addresses (a struct whose only member is `byte[16]`) are strings such as "10.10.0.5", `byte[6]` and
other six-byte arrays MACs, char arrays text, enums the names of their values, structs dicts.
"""
import ipaddress
import json
import subprocess

ALIASES = ("TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG")


def address_bytes(text):
    """16 bytes of an IPv4 (v4-mapped) or IPv6 address; "" is all zero."""
    if not text:
        return bytes(16)
    ip = ipaddress.ip_address(text)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def address_text(raw):
    if not any(raw):
        return ""
    ip = ipaddress.IPv6Address(bytes(raw))
    return str(ip.ipv4_mapped or ip)


class Btf:
    """The types of one object file."""
    def __init__(self, path):
        text = subprocess.run(["bpftool", "-j", "btf", "dump", "file", path], check=True,
                              capture_output=True, text=True).stdout
        self.types = {t["id"]: t for t in json.loads(text)["types"]}
        self.codecs = {}

    def resolve(self, type_id):
        while self.types[type_id]["kind"] in ALIASES:
            type_id = self.types[type_id]["type_id"]
        return type_id

    def named(self, kind, name):
        """The id of the type of that kind and name, or None."""
        return next((i for i, t in self.types.items() if t["kind"] == kind and t["name"] == name),
                    None)

    def variables(self, section):
        """name -> (offset, type id) of a data section such as .rodata."""
        section_id = self.named("DATASEC", section)
        entries = self.types[section_id]["vars"] if section_id else []
        return {
            self.types[v["type_id"]]["name"]: (v["offset"], self.types[v["type_id"]]["type_id"])
            for v in entries
        }

    def codec(self, type_id):
        type_id = self.resolve(type_id)
        if type_id not in self.codecs:
            self.codecs[type_id] = self.make(self.types[type_id])
        return self.codecs[type_id]

    def make(self, t):
        kind = t["kind"]
        if kind == "INT":
            return Number(t["size"], t["encoding"] == "SIGNED")
        if kind in ("ENUM", "ENUM64"):
            return Enum(t["size"], {v["name"]: v["val"] for v in t["values"]})
        if kind == "ARRAY":
            return self.make_array(t)
        if kind in ("STRUCT", "UNION"):
            return self.make_struct(t)
        return Opaque(8 if kind == "PTR" else t.get("size", 0))

    def make_array(self, t):
        element = self.types[self.resolve(t["type_id"])]
        count = t["nr_elems"]
        if element["kind"] == "INT" and element["size"] == 1:
            if element["encoding"] == "CHAR" or element["name"] == "char":
                return Text(count)
            return Mac() if count == 6 else Opaque(count)
        return Array(self.codec(t["type_id"]), count)

    def make_struct(self, t):
        members = t["members"]
        if [m["name"] for m in members] == ["byte"] and t["size"] == 16:
            return Address()
        fields = []
        for m in members:
            codec = self.codec(m["type_id"])
            bits = m.get("bitfield_size", 0)
            fields.append((m["name"], m["bits_offset"], bits, codec))
        return Struct(t["size"], fields)


class Opaque:
    """Bytes as they are."""
    def __init__(self, size):
        self.size = size

    def pack(self, value):
        return bytes(value).ljust(self.size, b"\0")

    def unpack(self, raw):
        return bytes(raw)

    zero = property(lambda self: bytes(self.size))


class Number(Opaque):
    def __init__(self, size, signed):
        super().__init__(size)
        self.signed = signed

    def pack(self, value):
        return int(value & (1 << 8 * self.size) - 1).to_bytes(self.size, "little")

    def unpack(self, raw):
        return int.from_bytes(raw, "little", signed=self.signed)

    zero = 0


class Enum(Opaque):
    def __init__(self, size, values):
        super().__init__(size)
        self.values = values
        self.names = {v: n for n, v in values.items()}

    def pack(self, value):
        return (self.values[value] if isinstance(value, str) else value).to_bytes(
            self.size, "little")

    def unpack(self, raw):
        number = int.from_bytes(raw, "little")
        return self.names.get(number, number)

    zero = 0


class Text(Opaque):
    def pack(self, value):
        return value.encode().ljust(self.size, b"\0")

    def unpack(self, raw):
        return bytes(raw).split(b"\0")[0].decode(errors="replace")

    zero = ""


class Mac(Opaque):
    def __init__(self):
        super().__init__(6)

    def pack(self, value):
        return bytes.fromhex(value.replace(":", "")) if value else bytes(6)

    def unpack(self, raw):
        return bytes(raw).hex(":")

    zero = ""


class Address(Opaque):
    def __init__(self):
        super().__init__(16)

    def pack(self, value):
        return address_bytes(value)

    def unpack(self, raw):
        return address_text(raw)

    zero = ""


class Array(Opaque):
    def __init__(self, element, count):
        super().__init__(element.size * count)
        self.element, self.count = element, count

    def pack(self, value):
        return b"".join(self.element.pack(v) for v in value).ljust(self.size, b"\0")

    def unpack(self, raw):
        step = self.element.size
        return [self.element.unpack(raw[i * step:(i + 1) * step]) for i in range(self.count)]

    zero = ()


class Struct(Opaque):
    """Members that a dict leaves out are zero; one that the struct lacks is an error."""
    def __init__(self, size, fields):
        super().__init__(size)
        self.fields = fields
        self.names = {name for name, *_ in fields}

    def pack(self, value):
        unknown = set(value) - self.names
        if unknown:
            raise KeyError(f"struct has no member {sorted(unknown)}, only {sorted(self.names)}")
        whole = bytearray(self.size)
        for name, offset, bits, codec in self.fields:
            if name not in value:
                continue
            if bits:
                self.put_bits(whole, offset, bits, value[name])
            else:
                whole[offset // 8:offset // 8 + codec.size] = codec.pack(value[name])
        return bytes(whole)

    def put_bits(self, whole, offset, bits, number):
        word = int.from_bytes(whole, "little") & ~(((1 << bits) - 1) << offset)
        whole[:] = (word | (int(number) & (1 << bits) - 1) << offset).to_bytes(self.size, "little")

    def unpack(self, raw):
        value = {}
        for name, offset, bits, codec in self.fields:
            if bits:
                value[name] = int.from_bytes(raw, "little") >> offset & (1 << bits) - 1
            else:
                value[name] = codec.unpack(raw[offset // 8:offset // 8 + codec.size])
        return value

    zero = property(lambda self: {})
