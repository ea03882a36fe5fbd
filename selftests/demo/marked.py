#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends to an address from sockets whose mark was set by SO_MARK.

usage: marked.py MARK ADDRESS PORT

One TCP connection attempt, three UDP datagrams from a marked socket, three
whose mark comes with each datagram, three ICMP echo requests from a marked raw
socket. Prints what became of each, as JSON. MARK 0 leaves the sockets
unmarked. Setting one, and a raw socket, need CAP_NET_RAW.
"""

import errno
import json
import socket
import struct
import sys

SO_MARK = 36


def outcome(call):
    """The name of the error that a call ended with, or "sent"."""
    try:
        call()
        return "sent"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]


def main():
    mark, address, port = int(sys.argv[1], 0), sys.argv[2], int(sys.argv[3])
    packed = struct.pack("=I", mark)
    result = {}

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        if mark:
            tcp.setsockopt(socket.SOL_SOCKET, SO_MARK, packed)
        tcp.settimeout(1)
        result["tcp"] = outcome(lambda: tcp.connect((address, port)))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        if mark:
            udp.setsockopt(socket.SOL_SOCKET, SO_MARK, packed)
        result["udp"] = [outcome(lambda: udp.sendto(b"x", (address, port)))
                         for _ in range(3)]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        cmsg = [(socket.SOL_SOCKET, SO_MARK, packed)] if mark else []
        result["cmsg"] = [outcome(lambda: udp.sendmsg([b"x"], cmsg, 0, (address, port)))
                          for _ in range(3)]

    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        if mark:
            raw.setsockopt(socket.SOL_SOCKET, SO_MARK, packed)
        # Type 8, code 0, and the checksum of just that.
        echo = struct.pack("!BBHHH", 8, 0, 0xf7ff, 0, 0)
        result["icmp"] = [outcome(lambda: raw.sendto(echo, (address, 0)))
                          for _ in range(3)]
    print(json.dumps(result))


main()
