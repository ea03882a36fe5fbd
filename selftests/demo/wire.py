#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says what the TCP streams of a capture consist of.

usage: wire.py CAPTURE MARKER

Puts every stream together by sequence number and walks it record by record.
Prints as JSON: streams, octets, records by type, octets that are no part of a
TLS record, holes, and how often MARKER stands anywhere in capture or streams.
"""

import collections
import json
import struct
import sys

TYPES = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}


def packets(data):
    """Yields the frames of a pcap file."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        taken, length = struct.unpack(order + "II", data[at + 8:at + 16])
        if taken != length:
            raise SystemExit("wire.py: the capture has cut frames")
        yield data[at + 16:at + 16 + taken]
        at += 16 + taken


def segments(data):
    """Yields flow, sequence number, SYN flag and payload of each TCP segment."""
    for frame in packets(data):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        ip = frame[14:]
        size = struct.unpack("!H", ip[2:4])[0] or len(ip)
        tcp = ip[(ip[0] & 15) * 4:size]
        ports = struct.unpack("!HH", tcp[:4])
        seq = struct.unpack("!I", tcp[4:8])[0]
        flow = (ip[12:16], ports[0], ip[16:20], ports[1])
        yield flow, seq, tcp[13] & 2, tcp[(tcp[12] >> 4) * 4:]


def streams(data):
    """Puts each direction of each connection together; counts what is missing."""
    parts = collections.defaultdict(dict)
    first = {}
    for flow, seq, syn, payload in segments(data):
        if syn:
            first[flow] = (seq + 1) & 0xffffffff
        if payload:
            held = parts[flow].get(seq, b"")
            parts[flow][seq] = max(held, payload, key=len)
    for flow, pieces in parts.items():
        base = first.get(flow, min(pieces))
        stream, holes = bytearray(), 0
        for seq in sorted(pieces, key=lambda s: (s - base) & 0xffffffff):
            at = (seq - base) & 0xffffffff
            if at > len(stream):
                holes += 1
                stream.extend(bytes(at - len(stream)))
            stream.extend(pieces[seq][len(stream) - at:] if at < len(stream)
                          else pieces[seq])
        yield flow in first, bytes(stream), holes


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    marker = sys.argv[2].encode()
    result = {"streams": 0, "octets": 0, "records": collections.Counter(),
              "outside": 0, "holes": 0, "midway": 0, "marker": data.count(marker)}
    for whole, stream, holes in streams(data):
        result["streams"] += 1
        result["octets"] += len(stream)
        result["holes"] += holes
        result["marker"] += stream.count(marker)
        if not whole:
            result["midway"] += 1
        at = 0
        while at < len(stream):
            head = stream[at:at + 5]
            if len(head) < 5 or head[0] not in TYPES or head[1] != 3 or head[2] > 3:
                result["outside"] += len(stream) - at
                break
            length = struct.unpack("!H", head[3:5])[0]
            result["records"][TYPES[head[0]]] += 1
            at += 5 + length
    print(json.dumps(result))


main()
