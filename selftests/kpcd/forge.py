#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Asks a web server, or any that takes datagrams, something behind a header of the
PROXY protocol that says who is not there: forge.py tcp|udp PORT | unix PATH, and
prints the answer."""

import socket
import sys

ID_A = b"//forged.example/cse/C9"


def tlv(kind, value):
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def header(transport):
    """Version 2, over IPv4, with all that the agent's has."""
    content = socket.inet_aton("192.0.2.66") + socket.inet_aton("192.0.2.2")
    content += (4000).to_bytes(2, "big") + (8883).to_bytes(2, "big")
    content += tlv(5, bytes(24))
    content += tlv(0x20, b"\x07\0\0\0\0" + tlv(0x21, b"DTLSv1.2") + tlv(0x22, ID_A) +
                   tlv(0x23, b"TLS_PSK_WITH_AES_128_CCM_8"))
    content += tlv(0xe0, b"forged@example.org") + tlv(0xe1, ID_A) + tlv(0xe2, b"//b.example/cse")
    return (b"\r\n\r\n\0\r\nQUIT\n\x21" + bytes([0x10 + transport]) +
            len(content).to_bytes(2, "big") + content)


def main():
    kind, where = sys.argv[1:]
    s = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET,
                      socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.settimeout(10)
    try:
        s.connect(where if kind == "unix" else ("127.0.0.1", int(where)))
        s.sendall(header(2 if kind == "udp" else 1) +
                  b"GET /forged HTTP/1.0\r\nHost: b\r\n\r\n")
        answer = b""
        while data := s.recv(4096):
            answer += data
            if kind == "udp":
                break
    except OSError as error:
        print(error.strerror or error)
        return 1
    print(answer.decode(errors="replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
