#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Small things that a pod, the node or the world does in tests/bats/masq.bats; exit 0: as expected.

The servers of traffic.py are asked on port 7000, where not said otherwise.
"""
import errno
import os
import select
import socket
import struct
import sys
import threading
import time

PORT = 7000
SLOW = int(os.environ.get("PINPOOL_SLOW", 1))
IP_RECVERR, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 11, 10, 2, 14
IPV6_RECVERR, IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_DONTFRAG = 25, 23, 24, 62


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_socket(address, port=PORT, timeout=1.0):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(timeout * SLOW)
    s.connect((address, port))
    return s


def echoed(s, message=b"x"):
    """Whether the message comes back."""
    try:
        s.send(message)
        return s.recv(65536) == message
    except OSError:
        return False


def udp(address, *sizes):
    """Each datagram of these sizes comes back."""
    s = udp_socket(address)
    for size in map(int, sizes):
        assert echoed(s, bytes(i % 251 for i in range(size))), f"{size} bytes did not come back"


def bulk(address, size, port="0"):
    """So many bytes come back on one connection as they were sent."""
    block = bytes(range(256)) * 256
    left = blocks = (int(size) + len(block) - 1) // len(block)
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::" if ":" in address else "0.0.0.0", int(port)))
    s.settimeout(10 * SLOW)
    s.connect((address, PORT))
    threading.Thread(target=lambda: [s.sendall(block) for _ in range(blocks)], daemon=True).start()
    while left:
        got = b""
        while len(got) < len(block):
            data = s.recv(len(block) - len(got))
            assert data, "closed by the other side"
            got += data
        assert got == block, "other bytes came back"
        left -= 1


def error_of(s):
    """The address from which an ICMP error came, waiting a second."""
    for _ in range(100 * SLOW):
        try:
            _, control, _, _ = s.recvmsg(65536, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        # sock_extended_err (16 bytes), then the sockaddr of who said it
        offender = control[0][2][16:]
        if struct.unpack_from("=H", offender)[0] == socket.AF_INET:
            return socket.inet_ntop(socket.AF_INET, offender[4:8])
        return socket.inet_ntop(socket.AF_INET6, offender[8:24])
    return "-"


def hops(address):
    """Traceroute by UDP to a closed port."""
    seen = []
    for ttl in range(1, 8):
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        if family(address) == socket.AF_INET:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        else:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        s.setblocking(False)
        s.sendto(b"hop", (address, 33434 + ttl))
        seen.append(error_of(s))
        if seen[-1] == address:
            break
    print(*seen)


def refused(address):
    """A closed port says so to a connected UDP socket, and to TCP."""
    s = udp_socket(address, 9)
    s.send(b"x")
    try:
        s.recv(10)
        raise AssertionError("an answer came")
    except ConnectionRefusedError:
        pass
    try:
        socket.create_connection((address, 9), timeout=2 * SLOW)
        raise AssertionError("it is open")
    except ConnectionRefusedError:
        pass


def too_big(address, size, mtu):
    """An unfragmentable datagram is refused by the path, and the socket then knows its MTU."""
    s = udp_socket(address)
    if family(address) == socket.AF_INET:
        level, discover, path_mtu = socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_MTU
    else:
        level, discover, path_mtu = socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_MTU
        s.setsockopt(level, IPV6_DONTFRAG, 1)
    s.setsockopt(level, discover, IP_PMTUDISC_DO)
    for _ in range(20 * SLOW):
        try:
            s.send(bytes(int(size)))
        except OSError as e:
            assert e.errno == errno.EMSGSIZE, e
            found = s.getsockopt(level, path_mtu)
            assert found == int(mtu), f"the path's MTU is said to be {found}"
            return
        time.sleep(0.05)
    raise AssertionError("nobody said that it is too big")


def hold(address, seconds):
    """One flow over these seconds: prints 1 for each answered request."""
    s = udp_socket(address)
    end = time.time() + float(seconds)
    while time.time() < end:
        print(int(echoed(s)), flush=True)
        time.sleep(0.1)


def table(address, room, more):
    """So many flows have room, and exchanges that were answered give it to more; connections go on."""
    keep = [socket.create_connection((address, PORT), timeout=SLOW) for _ in range(4)]
    flows = [udp_socket(address) for _ in range(int(room) - 4)]
    assert all(echoed(s, b"first") for s in flows), "the table is full too early"
    late = [udp_socket(address) for _ in range(int(more))]
    assert all(echoed(s) for s in late), "a new flow got no room"
    for s in keep:
        s.sendall(b"alive")
        assert s.recv(100) == b"alive", "a live connection was lost"


def is_alive(s):
    try:
        s.sendall(b"alive")
        return s.recv(100) == b"alive"
    except OSError:
        return False


def ports(address, count):
    """So many connections; one for one that has closed; and one more, for which one of them goes."""
    made = [socket.create_connection((address, PORT), timeout=SLOW) for _ in range(int(count))]
    made[3].close()
    time.sleep(0.1)
    made[3] = socket.create_connection((address, PORT), timeout=0.9 * SLOW)
    assert all(is_alive(s) for s in made), "a live connection was lost"
    # the other end still has the old connection, and says so first
    late = socket.create_connection((address, PORT), timeout=10 * SLOW)
    assert is_alive(late), "one more connection got no port"
    assert sum(is_alive(s) for s in made) == int(count) - 1, "not one connection gave its port"


def count_udp(address, count):
    """Prints how many flows at once get an answer."""
    flows = [udp_socket(address, timeout=0.2) for _ in range(int(count))]
    print(sum(echoed(s) for s in flows))


def flood(address, first, count):
    """Flows from so many local ports at once, as fast as it goes; each answer is for its own flow."""
    sockets = []
    for port in range(int(first), int(first) + int(count)):
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.bind(("::" if ":" in address else "0.0.0.0", port))
        s.settimeout(SLOW)
        s.connect((address, PORT))
        sockets.append(s)
    for turn in range(3):
        for s in sockets:
            message = f"{turn} {socket.gethostname()} {s.getsockname()}".encode()
            assert echoed(s, message), f"{message} did not come back"


def one_way(address, count):
    """Datagrams of one flow that nobody answers."""
    s = udp_socket(address, 4000)
    for _ in range(int(count)):
        s.send(b"x")
        time.sleep(0.01)


def own(address, *local):
    """Sockets at these local ports: prints how many get answers, now and after two seconds (SLOW times as long)."""
    sockets = []
    for port in local:
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.bind(("0.0.0.0", int(port)))
        s.settimeout(SLOW)
        s.connect((address, PORT))
        sockets.append(s)
    print("ready", flush=True)
    for pause in (2 * SLOW, 0):
        print(sum(echoed(s, str(s.getsockname()).encode()) for s in sockets), flush=True)
        time.sleep(pause)


def chatter(port):
    """A server that answers each request for five seconds, a hundred times a second."""
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", int(port)))
    _, peer = s.recvfrom(100)
    for _ in range(500):
        s.sendto(b"again", peer)
        time.sleep(0.01)


def ask(address, port, local):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", int(local)))
    s.settimeout(2 * SLOW)
    for _ in range(20):
        s.sendto(b"x", (address, int(port)))
        try:
            s.recv(100)
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no answer")


def send(source, source_port, address, port):
    """A datagram from any address and port."""
    datagram = struct.pack("!HHHH", int(source_port), int(port), 8 + 4, 0) + b"late"
    from_anywhere(source, address, socket.IPPROTO_UDP, datagram)


def scan(address):
    """All ports of the masquerade range, from another port than the one that pods asked."""
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    for port in range(49152, 65536):
        try:
            s.sendto(b"x", (address, port))
        except OSError:
            pass


def knock(address, first, last):
    """TCP ports that nobody has."""
    for port in range(int(first), int(last)):
        try:
            socket.create_connection((address, port), timeout=SLOW)
            raise AssertionError(f"port {port} is open")
        except ConnectionRefusedError:
            pass


def raw(address, *protocols):
    """Packets of these protocols, twice."""
    failed = 0
    for protocol in map(int, protocols):
        try:
            s = socket.socket(family(address), socket.SOCK_RAW, protocol)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for _ in range(2):
                s.sendto(bytes(40), (address, 0))
        except OSError as e:
            print(f"{address} protocol {protocol}: {e}")
            failed = 1
    sys.exit(failed)


def peer(local, *protocols):
    """The other end of tunnels of these protocols (IPv4): what comes goes back, with a mark."""
    sockets = []
    for protocol in map(int, protocols):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
        s.bind((local, 0))
        sockets.append(s)
    print("ready", flush=True)
    while True:
        for s in select.select(sockets, [], [])[0]:
            packet, address = s.recvfrom(65536)
            s.sendto(packet[20:] + b"back", address)


def tunnel(address, local, *protocols):
    """One end of tunnels: what it sends by each protocol comes back."""
    for protocol in map(int, protocols):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
        s.bind((local, 0))
        s.settimeout(SLOW)
        message = b"\0\7\0\7" + os.urandom(16)  # SCTP: equal ports
        for _ in range(3):
            s.sendto(message, (address, 0))
            try:
                assert s.recv(100)[20:] == message + b"back", f"protocol {protocol}: other bytes"
            except TimeoutError:
                raise AssertionError(f"protocol {protocol}: nothing came back") from None


def receive(address, local, protocol):
    """A tunnel that only receives: ready with the first packet from the address, done with the 30th."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(protocol))
    s.bind((local, 0))
    s.settimeout(2 * SLOW)
    print("bound", flush=True)
    for count in range(30):
        try:
            while s.recvfrom(100)[1][0] != address:
                pass
        except TimeoutError:
            raise AssertionError(f"nothing came after {count} packets") from None
        if not count:
            print("ready", flush=True)


def sender(address, local, protocol):
    """Its other end, ten packets a second."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(protocol))
    s.bind((local, 0))
    while True:
        s.sendto(b"\0\7\0\7 one way", (address, 0))
        time.sleep(0.1)


def say(address, port, local):
    """One datagram from a port of one's own, whoever answers."""
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind(("::" if ":" in address else "0.0.0.0", int(local)))
    s.sendto(b"x", (address, int(port)))


def spoof(source, destination):
    """An echo request with somebody else's source."""
    icmp = struct.pack("!BBHHH", 8, 0, 0xF7FF - 1, 1, 0)
    from_anywhere(source, destination, socket.IPPROTO_ICMP, icmp)


def from_anywhere(source, destination, protocol, payload):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    s.sendto(header + payload, (destination, 0))


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except AssertionError as e:
        sys.exit(f"{' '.join(sys.argv[1:])}: {e}")
