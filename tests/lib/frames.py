#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-only
"""Sends frames as they are by a raw socket, past all that the sender's own stack would refuse.

usage: tests/lib/frames.py INTERFACE DESTINATION-MAC PACKET...
PACKET: what scapy makes of the expression, as 'IP(src="10.0.0.1", dst="10.0.0.2") / UDP()'; without an
Ethernet header it gets one from the interface's MAC to DESTINATION-MAC.
"""
import logging
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.config import conf  # noqa: E402

conf.ipv6_enabled = True
import scapy.layers.inet  # noqa: E402
import scapy.layers.inet6  # noqa: E402
import scapy.layers.l2  # noqa: E402
import scapy.packet  # noqa: E402

NAMES = {
    name: value
    for module in (scapy.layers.inet, scapy.layers.inet6, scapy.layers.l2, scapy.packet)
    for name, value in vars(module).items()
}


def main():
    interface, mac, *packets = sys.argv[1:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        own = s.getsockname()[4].hex(":")
        for text in packets:
            packet = eval(text, dict(NAMES))
            if not isinstance(packet, scapy.layers.l2.Ether):
                packet = scapy.layers.l2.Ether(src=own, dst=mac) / packet
            s.send(bytes(packet))


if __name__ == "__main__":
    main()
