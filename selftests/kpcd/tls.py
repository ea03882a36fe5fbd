# SPDX-License-Identifier: GPL-2.0-only
"""A client of TLS-PSK that can be made to say anything: each message and each
record is octets of its own, and none is sent that a test did not ask for.
TLS 1.3 with X25519, TLS 1.2 with plain PSK, both with ChaCha20-Poly1305."""

import hashlib
import hmac
import os
import socket
import struct

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLOSE_NOTIFY = 0
CLIENT_HELLO, SERVER_HELLO, END_OF_EARLY_DATA = 1, 2, 5
CLIENT_KEY_EXCHANGE, FINISHED, KEY_UPDATE = 16, 20, 24
SERVER_NAME, GROUPS, SIGNATURES, EMS = 0, 10, 13, 23
PRE_SHARED_KEY, EARLY_DATA, VERSIONS, MODES, KEY_SHARE = 41, 42, 43, 45, 51
CHACHA20_SHA256, PSK_CHACHA20 = 0x1303, 0xccab
X25519 = 29
EMPTY = hashlib.sha256().digest()
ZEROES = bytes(32)


def vector(width, octets):
    """Octets behind their length."""
    return len(octets).to_bytes(width, "big") + octets


def record(kind, body, version=0x0303, length=None):
    """A record; its length may lie."""
    return struct.pack(">BHH", kind, version,
                       len(body) if length is None else length) + body


def message(kind, body, length=None):
    """A handshake message; its length may lie."""
    return bytes([kind]) + (len(body) if length is None else
                            length).to_bytes(3, "big") + body


def mac(key, data):
    return hmac.digest(key, data, "sha256")


def expand_label(secret, label, context, length):
    """RFC 8446 7.1; one block is enough for all that is asked of it."""
    info = (length.to_bytes(2, "big") + vector(1, b"tls13 " + label) +
            vector(1, context))
    return mac(secret, info + b"\1")[:length]


def prf(secret, label, seed, length):
    """RFC 5246 5."""
    out, a = b"", label + seed
    while len(out) < length:
        a = mac(secret, a)
        out += mac(secret, a + label + seed)
    return out[:length]


def x25519(scalar, point):
    """RFC 7748 5."""
    prime = 2 ** 255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for at in reversed(range(255)):
        if swap ^ k >> at & 1:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = k >> at & 1
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a, c * b
        x3, z3 = (da + cb) ** 2 % prime, x1 * (da - cb) ** 2 % prime
        e = a * a - b * b
        x2, z2 = a * a * b * b % prime, e * (a * a + 121665 * e) % prime
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def quarter(s, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8),
                          (c, d, b, 7)):
        s[x] = s[x] + s[y] & 0xffffffff
        s[z] ^= s[x]
        s[z] = (s[z] << turn | s[z] >> 32 - turn) & 0xffffffff


def chacha20(key, counter, nonce, data):
    """RFC 8439 2.4."""
    out = bytearray()
    for at in range(0, len(data), 64):
        start = [*struct.unpack("<4I", b"expand 32-byte k"),
                 *struct.unpack("<8I", key), counter + at // 64,
                 *struct.unpack("<3I", nonce)]
        s = start[:]
        for _ in range(10):
            for i in range(4):
                quarter(s, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        stream = struct.pack("<16I", *(x + y & 0xffffffff
                                       for x, y in zip(s, start)))
        out += bytes(x ^ y for x, y in zip(data[at:at + 64], stream))
    return bytes(out)


def poly1305_tag(key, nonce, cipher, extra):
    """RFC 8439 2.8."""
    once = chacha20(key, 0, nonce, bytes(32))
    r = int.from_bytes(once[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    data = (extra + bytes(-len(extra) % 16) + cipher + bytes(-len(cipher) % 16) +
            struct.pack("<QQ", len(extra), len(cipher)))
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\1", "little")) * r
        total %= 2 ** 130 - 5
    total += int.from_bytes(once[16:], "little")
    return (total & (1 << 128) - 1).to_bytes(16, "little")


class Keys:
    """One direction's key, and how many records it has protected."""

    def __init__(self, key, iv):
        self.key, self.iv, self.count = key, iv, 0

    def nonce(self):
        nonce = int.from_bytes(self.iv, "big") ^ self.count
        self.count += 1
        return nonce.to_bytes(12, "big")

    def seal(self, data, extra):
        nonce = self.nonce()
        cipher = chacha20(self.key, 1, nonce, data)
        return cipher + poly1305_tag(self.key, nonce, cipher, extra)

    def open(self, data, extra):
        nonce = self.nonce()
        if poly1305_tag(self.key, nonce, data[:-16], extra) != data[-16:]:
            raise ValueError("a record of the agent with a false tag")
        return chacha20(self.key, 1, nonce, data[:-16])


class Alert(Exception):
    """The agent has sent one."""

    def __init__(self, number):
        super().__init__(f"alert {number}")
        self.number = number


class Peer:
    """A connection to the agent, at a port or by a socket that has one, and what
    it has heard and said."""

    def __init__(self, port, identity, psk):
        self.identity, self.psk = identity, psk
        self.socket = (port if isinstance(port, socket.socket) else
                       socket.create_connection(("127.0.0.1", port)))
        self.socket.settimeout(20)
        self.said = b""
        self.sealed = self.opened = None
        self.random = os.urandom(32)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *octets):
        self.socket.sendall(b"".join(octets))

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def read(self):
        """The next record: its type, and what it holds."""
        head = self.take(5)
        body = self.take(int.from_bytes(head[3:], "big"))
        return self.unprotect(head[0], body) if self.opened else (head[0], body)

    def verdict(self):
        """How the agent ends it: the number of an alert, 'end' or 'reset'
        without one, or 'silence'; data that comes before is passed over."""
        try:
            while True:
                kind, body = self.read()
                if kind == ALERT:
                    return body[1]
        except EOFError:
            return "end"
        except ConnectionError:
            return "reset"
        except TimeoutError:
            return "silence"

    def hear(self, kind):
        """Reads messages until one of that type, all of which were said."""
        while True:
            got, body = self.read()
            if got == CHANGE_CIPHER_SPEC:
                continue
            if got == ALERT:
                raise Alert(body[1])
            if got != HANDSHAKE:
                raise ConnectionError(f"record of type {got}: {body.hex()}")
            while body:
                size = 4 + int.from_bytes(body[1:4], "big")
                self.said += body[:size]
                if body[0] == kind:
                    return body[4:size]
                body = body[size:]

    def unprotect(self, kind, body):
        raise NotImplementedError

    def transcript(self):
        return hashlib.sha256(self.said).digest()


class Peer13(Peer):
    """TLS 1.3, psk_dhe_ke."""

    def __init__(self, port, identity, psk):
        # Before it connects: a peer that is slow to speak may have to give way.
        self.scalar = os.urandom(32)
        self.share = x25519(self.scalar, (9).to_bytes(32, "little"))
        self.early = mac(ZEROES, psk)
        self.before = b""
        super().__init__(port, identity, psk)

    def extensions(self):
        """Those of a hello but for the keys offered, in the order sent."""
        return {
            VERSIONS: vector(1, b"\3\4"),
            GROUPS: vector(2, X25519.to_bytes(2, "big")),
            SIGNATURES: vector(2, b"\4\3"),
            MODES: vector(1, b"\1"),
            KEY_SHARE: vector(2, X25519.to_bytes(2, "big") +
                              vector(2, self.share)),
        }

    def hello(self, extensions=None, identities=None, suites=(CHACHA20_SHA256,),
              session=bytes(32), binder=None, compression=b"\0", version=0x0303):
        """A ClientHello, whose binder is true unless another is given."""
        if extensions is None:
            extensions = self.extensions()
        items = list(extensions.items() if isinstance(extensions, dict) else
                     extensions)
        if identities is None:
            identities = [self.identity]
        if identities:
            items.append((PRE_SHARED_KEY,
                          vector(2, b"".join(vector(2, one) + bytes(4)
                                             for one in identities)) +
                          vector(2, vector(1, ZEROES) * len(identities))))
        whole = message(CLIENT_HELLO, version.to_bytes(2, "big") + self.random +
                        vector(1, session) +
                        vector(2, b"".join(s.to_bytes(2, "big") for s in suites)) +
                        vector(1, compression) +
                        vector(2, b"".join(t.to_bytes(2, "big") + vector(2, e)
                                           for t, e in items)))
        if identities and len(identities) == 1:
            head = whole[:-35]
            key = expand_label(expand_label(self.early, b"ext binder", EMPTY, 32),
                               b"finished", b"", 32)
            true = mac(key, hashlib.sha256(self.before + head).digest())
            whole = whole[:-32] + (true if binder is None else binder(true))
        self.said = self.before + whole
        return whole

    def asked_again(self):
        """Reads HelloRetryRequest; the next hello goes on from it."""
        kind, body = self.read()
        if kind != HANDSHAKE or body[0] != SERVER_HELLO:
            raise ConnectionError(f"record of type {kind}: {body.hex()}")
        self.before = message(254, self.transcript()) + body

    def traffic(self, secret):
        return Keys(expand_label(secret, b"key", b"", 32),
                    expand_label(secret, b"iv", b"", 12))

    def derive(self, secret, label):
        return expand_label(secret, label, self.transcript(), 32)

    def answered(self):
        """Reads the agent's flight; the Finished is still to be sent."""
        body = self.hear(SERVER_HELLO)
        share = body[body.index(b"\0\x33\0\x24\0\x1d\0\x20") + 8:][:32]
        handshake = mac(expand_label(self.early, b"derived", EMPTY, 32),
                        x25519(self.scalar, share))
        client = self.derive(handshake, b"c hs traffic")
        self.sealed = self.traffic(client)
        self.opened = self.traffic(self.derive(handshake, b"s hs traffic"))
        self.hear(FINISHED)
        master = mac(expand_label(handshake, b"derived", EMPTY, 32), ZEROES)
        self.client = self.derive(master, b"c ap traffic")
        self.server = self.derive(master, b"s ap traffic")
        key = expand_label(client, b"finished", b"", 32)
        self.opened = self.traffic(self.server)
        return message(FINISHED, mac(key, self.transcript()))

    def connect(self):
        """A whole handshake."""
        self.send(record(HANDSHAKE, self.hello(), 0x0301))
        self.send(self.protect(HANDSHAKE, self.answered()))
        self.established()

    def established(self):
        """Records from here on are protected by the traffic keys."""
        self.sealed = self.traffic(self.client)

    def protect(self, kind, body, pad=0):
        """A record, perhaps padded."""
        inner = body + bytes([kind]) + bytes(pad)
        head = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(inner) + 16)
        return head + self.sealed.seal(inner, head)

    def key_update(self, asks):
        """A KeyUpdate, and new keys behind it."""
        out = self.protect(HANDSHAKE, message(KEY_UPDATE, bytes([asks])))
        self.client = expand_label(self.client, b"traffic upd", b"", 32)
        self.established()
        return out

    def unprotect(self, kind, body):
        if kind != APPLICATION_DATA:
            return kind, body
        head = struct.pack(">BHH", kind, 0x0303, len(body))
        inner = self.opened.open(body, head).rstrip(b"\0")
        if inner[-1] == HANDSHAKE and inner[0] == KEY_UPDATE:
            self.server = expand_label(self.server, b"traffic upd", b"", 32)
            self.opened = self.traffic(self.server)
        return inner[-1], inner[:-1]


class Peer12(Peer):
    """TLS 1.2, plain PSK with Extended Master Secret."""

    def hello(self, extensions=None, suites=(PSK_CHACHA20,), session=b"",
              compression=b"\0", version=0x0303):
        items = {EMS: b""} if extensions is None else extensions
        self.said = message(
            CLIENT_HELLO, version.to_bytes(2, "big") + self.random +
            vector(1, session) +
            vector(2, b"".join(s.to_bytes(2, "big") for s in suites)) +
            vector(1, compression) +
            vector(2, b"".join(t.to_bytes(2, "big") + vector(2, e)
                               for t, e in items.items())))
        return self.said

    def answered(self):
        """Reads the agent's flight."""
        self.server_random = self.hear(SERVER_HELLO)[2:34]
        self.hear(14)

    def greet(self):
        """A hello, and the agent's answer to it."""
        self.send(record(HANDSHAKE, self.hello()))
        self.answered()

    def key_exchange(self, identity=None):
        """ClientKeyExchange; from it on both sides have keys."""
        whole = message(CLIENT_KEY_EXCHANGE,
                        vector(2, self.identity if identity is None else identity))
        self.said += whole
        secret = vector(2, bytes(len(self.psk))) + vector(2, self.psk)
        self.master = prf(secret, b"extended master secret", self.transcript(), 48)
        block = prf(self.master, b"key expansion",
                    self.server_random + self.random, 88)
        self.sealed = Keys(block[:32], block[64:76])
        self.coming = Keys(block[32:64], block[76:])
        return whole

    def finished(self):
        whole = message(FINISHED, prf(self.master, b"client finished",
                                      self.transcript(), 12))
        self.said += whole
        return whole

    def last(self, identity=None):
        """The second flight: three records."""
        return (record(HANDSHAKE, self.key_exchange(identity)),
                record(CHANGE_CIPHER_SPEC, b"\1"),
                self.protect(HANDSHAKE, self.finished()))

    def connect(self):
        """A whole handshake."""
        self.greet()
        self.send(*self.last())
        self.established()

    def established(self):
        """Reads the agent's ChangeCipherSpec and Finished."""
        while True:
            kind, body = self.read()
            if kind == CHANGE_CIPHER_SPEC:
                break
            if kind == ALERT:
                raise Alert(body[1])
        self.opened = self.coming
        kind, body = self.read()
        want = message(FINISHED, prf(self.master, b"server finished",
                                     self.transcript(), 12))
        if (kind, body) != (HANDSHAKE, want):
            raise ConnectionError("the agent's Finished is false")

    def protect(self, kind, body):
        extra = struct.pack(">QBHH", self.sealed.count, kind, 0x0303, len(body))
        cipher = self.sealed.seal(body, extra)
        return record(kind, cipher)

    def unprotect(self, kind, body):
        extra = struct.pack(">QBHH", self.opened.count, kind, 0x0303,
                            len(body) - 16)
        return kind, self.opened.open(body, extra)
