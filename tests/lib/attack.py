#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""What a hostile pod sends by raw sockets, in its network namespace.

usage: attack.py vnet SOURCE DESTINATION START OFFSET [GSO-TYPE GSO-SIZE HEADER-LENGTH]
                                       a UDP packet to port 9 whose checksum the device shall finish:
                                       START and OFFSET as in struct virtio_net_hdr; "none": it need not
       attack.py sum SOURCE DESTINATION            a UDP packet whose IPv4 header checksum is wrong
       attack.py error SOURCE DESTINATION FROM TO PORT-FROM PORT-TO [MTU]
                                       an ICMP error about a UDP packet FROM, TO: port unreachable or too big
       attack.py pieces SOURCE DESTINATION ID BYTE WHICH...
                                       1200 bytes of BYTE by UDP to port 7009 without a checksum, in two
                                       fragments; WHICH: first, last
       attack.py link SOURCE DESTINATION KIND      KIND: mld, mld1, igmp, rs, dad TARGET
       attack.py victim DESTINATION PORT           a connected UDP socket; prints its port, and at the end of
                                       its input the error that it got
       attack.py receive COUNT SECONDS             prints the datagrams to port 7009: the bytes in them
"""
import os
import select
import socket
import struct
import subprocess
import sys
import time

SOL_PACKET, PACKET_VNET_HDR = 263, 15
INTERFACE = "eth0"


def raw(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def total(data):
    data += b"\0" * (len(data) & 1)
    value = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value


def put_sum(data, at, pseudo=b""):
    return data[:at] + struct.pack("!H", ~total(pseudo + data) & 0xffff) + data[at + 2:]


def ip(source, destination, number, payload, ttl=64, ident=77, where=0x4000, options=b""):
    """An IP packet; IPv6 with a fragment header where @where says so."""
    src, dst = raw(source), raw(destination)
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident,
                           where, ttl, number, 0, src, dst) + options
        return put_sum(head, 10) + payload
    if where & 0x3fff:
        payload = struct.pack("!BBHI", number, 0, (where & 0x1fff) << 3 | where >> 13 & 1, ident) + payload
        number = 44
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), number, ttl, src, dst) + payload


def udp(source, destination, sport, dport, data, checksum=True):
    whole = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    pseudo = raw(source) + raw(destination) + struct.pack("!II", len(whole), 17)
    return put_sum(whole, 6, pseudo) if checksum else whole


def icmp(source, destination, kind, code, body):
    """(protocol, message)"""
    whole = bytes([kind, code, 0, 0]) + body
    if ":" in source:
        return 58, put_sum(whole, 2, raw(source) + raw(destination) + struct.pack("!II", len(whole), 58))
    return 1, put_sum(whole, 2)


def macs():
    """(host's, own)"""
    def word_after(word, *command):
        words = subprocess.run(["ip", *command], capture_output=True, text=True, check=True).stdout.split()
        return bytes.fromhex(words[words.index(word) + 1].replace(":", "")) if word in words else b"\xff" * 6

    return (word_after("lladdr", "neigh", "show", "dev", INTERFACE),
            word_after("link/ether", "link", "show", "dev", INTERFACE))


def send(packet, header=None):
    """Straight into the interface. @header: a struct virtio_net_hdr."""
    host, own = macs()
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        if header is not None:
            s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        s.bind((INTERFACE, 0))
        s.send((header or b"") + host + own + kind + packet)


def vnet(source, destination, start, offset, gso_type="0", gso_size="0", length="0"):
    data = os.urandom(1200 if gso_type != "0" else 64)
    packet = ip(source, destination, 17, udp(source, destination, 9999, 9, data))
    plain = start == "none"
    header = struct.pack("<BBHHHH", not plain, int(gso_type), int(length), int(gso_size),
                         *((0, 0) if plain else (int(start), int(offset))))
    try:
        send(packet, header)
    except OSError as error:
        print(error.strerror)  # this kernel takes no such packet


def bad_sum(source, destination):
    packet = ip(source, destination, 17, udp(source, destination, 9999, 9, b"x" * 64))
    send(packet[:10] + bytes([packet[10] ^ 1]) + packet[11:])


def error(source, destination, about_from, about_to, sport, dport, mtu=None):
    about = ip(about_from, about_to, 17, udp(about_from, about_to, int(sport), int(dport), b"x" * 20))
    kind, code = ((1, 4) if not mtu else (2, 0)) if ":" in source else ((3, 3) if not mtu else (3, 4))
    send(ip(source, destination, *icmp(source, destination, kind, code, struct.pack("!I", int(mtu or 0)) + about)))


def pieces(source, destination, ident, byte, *which):
    whole = udp(source, destination, 5000, 7009, byte.encode() * 1200, checksum=False)
    if ":" in source:  # IPv6 demands one
        whole = udp(source, destination, 5000, 7009, byte.encode() * 1200)
    for part in which:
        data, where = (whole[:608], 0x2000) if part == "first" else (whole[608:], 608 // 8)
        send(ip(source, destination, 17, data, ident=int(ident), where=where))


def link(source, destination, kind, target="::"):
    if kind == "igmp":
        body = put_sum(b"\x22\0\0\0\0\0\0\1\4\0\0\0" + raw("224.0.0.251"), 2)
        return send(ip(source, destination, 2, body, ttl=1, options=b"\x94\x04\0\0"))
    body = {"mld": b"\0\0\0\1\4\0\0\0" + raw("ff02::fb"), "mld1": bytes(4) + raw("ff02::fb"), "rs": bytes(4),
            "dad": bytes(4) + raw(target)}[kind]
    number, message = icmp(source, destination, {"mld": 143, "mld1": 131, "rs": 133, "dad": 135}[kind], 0, body)
    if kind.startswith("mld"):
        return send(ip(source, destination, 0, bytes([number, 0, 5, 2, 0, 0, 1, 0]) + message, ttl=1))
    return send(ip(source, destination, number, message, ttl=255))


def victim(destination, port):
    with socket.socket(socket.AF_INET6 if ":" in destination else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((destination, int(port)))
        print(s.getsockname()[1], flush=True)
        sys.stdin.read()
        print(os.strerror(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))


def receive(count, seconds):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::", 7009))
        print("ready", flush=True)
        end = time.monotonic() + float(seconds)
        for _ in range(int(count)):
            if not select.select([s], [], [], max(0, end - time.monotonic()))[0]:
                break
            data = s.recv(65536)
            print(len(data), "".join(sorted(set(data.decode("latin1")))), flush=True)


COMMANDS = dict(vnet=vnet, sum=bad_sum, error=error, pieces=pieces, link=link, victim=victim, receive=receive)

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
