#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends forged TCP SYNs as frames from a packet socket, beneath all of IP.

usage: frame.py DEVICE GATEWAY-MAC SOURCE DESTINATION PORT COUNT
"""

import socket
import struct
import sys


def checksum(data):
    """The Internet checksum of an even number of octets."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def main():
    device, mac, source, destination, port, count = sys.argv[1:]
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    tcp = struct.pack("!HHIIBBHHH", 40000, int(port), 1, 0, 5 << 4, 2, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as packet:
        for _ in range(int(count)):
            try:
                packet.sendto(head + tcp, (device, 0x0800, 0, 0,
                                           bytes.fromhex(mac.replace(":", ""))))
            except OSError as error:
                print(f"frame.py: {error.strerror}")


main()
