# SPDX-License-Identifier: GPL-2.0-only
"""The wire between kpcd and a peer: it changes nothing, and sees what was
negotiated and how each direction ended."""

import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../kpcd"))
from sites import Lane, Service, reset  # pylint: disable=wrong-import-position

ALERT, HANDSHAKE, DATA = 21, 22, 23
SERVER_HELLO, SUPPORTED_VERSIONS = 2, 43
# RFC 8446, 4.1.3: the random of a HelloRetryRequest.
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891"
                      "c2a211167abb8c5e079e09e2c8a8339c")


def server_hello(message):
    """Version and suite out of a ServerHello; nothing out of another message."""
    if message[:1] != bytes([SERVER_HELLO]) or message[6:38] == RETRY:
        return None
    version = int.from_bytes(message[4:6], "big")
    at = 39 + message[38]
    suite = int.from_bytes(message[at:at + 2], "big")
    at += 5
    while at + 4 <= len(message):
        kind, length = (int.from_bytes(message[at + i:at + i + 2], "big")
                        for i in (0, 2))
        if kind == SUPPORTED_VERSIONS:
            version = int.from_bytes(message[at + 4:at + 6], "big")
        at += 4 + length
    return version, suite


class Records:
    """One direction of a connection, record by record."""

    def __init__(self, server):
        self.held = bytearray()
        self.seen = []
        # The client has nothing to say about it.
        self.asks = server
        self.agreed = None

    def take(self, data):
        """Looks at what passes, and lets it pass."""
        self.held += data
        while len(self.held) >= 5:
            length = int.from_bytes(self.held[3:5], "big")
            if len(self.held) < 5 + length:
                break
            kind, content = self.held[0], bytes(self.held[5:5 + length])
            del self.held[:5 + length]
            self.seen.append((kind, length))
            if kind == HANDSHAKE and self.asks and not self.agreed:
                self.agreed = server_hello(content)
        return data

    def ended_by_alert(self, version, octets):
        """Whether the last record is one, whole; of TLS 1.3 only its length in
        octets tells."""
        if self.held or not self.seen:
            return False
        kind, length = self.seen[-1]
        return kind == ALERT or (version == 0x0304 and kind == DATA and
                                 length in octets)


class Passage:
    """A connection that went through the wire."""

    def __init__(self):
        self.client, self.server = Records(False), Records(True)
        self.over = False

    def wrong(self, version, suite, alerts):
        """What is not as it should be, or None."""
        if not self.server.agreed:
            return "no ServerHello was seen"
        if self.server.agreed != (version, suite):
            return "agreed on version {:04x}, suite {:04x}".format(
                *self.server.agreed)
        for name in ("client", "server"):
            records = getattr(self, name)
            if not records.ended_by_alert(version, alerts):
                return (f"the {name}'s last record is no alert, but (type, "
                        f"octets) {records.seen[-1:]}, {len(records.held)} "
                        "octets behind it")
        return None


class Observer:
    """A listener of kpcd's or the peer's, and the way on from it."""

    def __init__(self, net, to):
        self.net, self.to = net, to
        self.passages = []
        self.service = Service(net, "wire", self.carry, address=net.wire_near)
        self.port = self.service.port

    def carry(self, near):
        """Both directions of one connection."""
        passage = Passage()
        self.passages.append(passage)
        try:
            far = self.net.connect("wire", (self.net.wire_far, self.to))
        except OSError:
            passage.over = True
            reset(near)
            return
        for s in near, far:
            s.setblocking(False)
        lanes = (Lane(near, far, passage.client.take),
                 Lane(far, near, passage.server.take))
        while not all(lane.told for lane in lanes):
            self.turn(lanes)
        near.close()
        far.close()
        passage.over = True

    def turn(self, lanes):
        """Who ends its socket at once takes no more, and that is its right:
        what it was sent has been seen."""
        reads = [lane for lane in lanes if lane.reads()]
        writes = [lane for lane in lanes if lane.waits()]
        ready = select.select([lane.source for lane in reads],
                              [lane.sink for lane in writes], [], 1)
        for lane in writes:
            if lane.sink in ready[1]:
                self.give(lane)
        for lane in reads:
            if lane.source in ready[0]:
                self.take(lane)

    @staticmethod
    def take(lane):
        try:
            lane.take()
        except BlockingIOError:
            pass
        except OSError:
            lane.ended = True

    @staticmethod
    def give(lane):
        try:
            lane.give()
        except BlockingIOError:
            pass
        except OSError:
            lane.held.clear()
            lane.ended = lane.told = True
