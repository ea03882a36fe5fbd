#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Peers that break TLS, octet by octet: malformed.py PORT KEY13 KEY12. For each
what it sends, and the alert that the agent answers with; after each a good peer is
served. (M7, X5; what libkpc makes of broken records is proved beside it.)"""

import sys

from sites import Tap
from tls import (ALERT, Alert, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT_HELLO,
                 CLIENT_KEY_EXCHANGE, EARLY_DATA, END_OF_EARLY_DATA, FINISHED,
                 GROUPS, HANDSHAKE, KEY_SHARE, KEY_UPDATE, MODES, SERVER_HELLO,
                 SERVER_NAME, VERSIONS, Peer12, Peer13, message, record, vector)

UNEXPECTED, BAD_MAC, OVERFLOW, FAILURE = 10, 20, 22, 40
ILLEGAL, DECODE, DECRYPT, VERSION, INTERNAL = 47, 50, 51, 70, 80
MISSING, UNNAMED = 109, 112
# A binder that does not verify: RFC 8446 6.2 has an alert for it, OpenSSL another.
UNKNOWN = (ILLEGAL, DECRYPT)
# A list of versions that is none is refused as such, or for what is not in it.
NO_VERSION = (VERSION, DECODE)
HEARTBEAT = 24
CCS = record(CHANGE_CIPHER_SPEC, b"\1")
NO_ALERT = "reset"
SERVED = "served"


def send(*octets):
    """A peer that says just this."""
    return lambda p: p.send(*octets)


def says(**changes):
    """A peer with another ClientHello."""
    return lambda p: p.send(record(HANDSHAKE, p.hello(**changes), 0x0301))


def extended(change):
    """A peer with other extensions."""
    def act(p):
        extensions = p.extensions()
        change(extensions)
        p.send(record(HANDSHAKE, p.hello(extensions=extensions), 0x0301))
    return act


def rewritten(change):
    """A peer whose ClientHello is changed when it is done."""
    return lambda p: p.send(record(HANDSHAKE, change(p.hello()), 0x0301))


def put(at, octets):
    """Octets in the place of others."""
    return lambda whole: whole[:at] + octets + whole[at + len(octets):]


def resized(change):
    """The body is changed, and the length of the message says so."""
    return lambda whole: message(whole[0], change(whole[4:]))


def answered(act):
    """TLS 1.3: hello and answer, and then."""
    def run(p):
        p.send(record(HANDSHAKE, p.hello(), 0x0301))
        return act(p, p.answered())
    return run


def accepted(act):
    """TLS 1.3: what was odd about the hello does no harm."""
    def run(p):
        act(p)
        p.send(p.protect(HANDSHAKE, p.answered()))
        p.established()
        return served(p)
    return run


def served(p):
    """Data goes to the backend and comes back."""
    p.send(p.protect(APPLICATION_DATA, b"hello"))
    heard = b""
    while len(heard) < 5:
        kind, body = p.read()
        if kind == ALERT:
            raise Alert(body[1])
        if kind == APPLICATION_DATA:
            heard += body
    return SERVED if heard == b"hello" else heard


def finishing(act):
    """TLS 1.3: Finished comes with something else around it; data after it."""
    def run(p, last):
        act(p, last)
        p.established()
        return served(p)
    return answered(run)


def connected(act):
    """After a whole handshake."""
    def run(p):
        p.connect()
        return act(p)
    return run


def greeted(act):
    """TLS 1.2: hello and answer, and then."""
    def run(p):
        p.greet()
        return act(p)
    return run


def in_records(whole, size):
    """A message in records of so many octets."""
    return b"".join(record(HANDSHAKE, whole[at:at + size], 0x0301)
                    for at in range(0, len(whole), size))


def identified(identity):
    """TLS 1.3: a KpcId that nobody has, and a binder with the key of another."""
    return lambda p: p.send(in_records(p.hello(identities=[identity]), 16384))


def identified12(identity):
    """TLS 1.2: as above, and the Finished that goes with it."""
    return greeted(lambda p: p.send(*p.last(identity)))


def no_binder(binders):
    """A ClientHello with that list of binders."""
    def act(p):
        whole = p.hello()
        body = whole[4:-35] + vector(2, binders)
        # The extension and the list of extensions grow and shrink with it.
        change = len(binders) - 33
        listed = 2 + 32 + 33 + 2 + 2 + 2
        total = int.from_bytes(body[listed:listed + 2], "big") + change
        body = body[:listed] + total.to_bytes(2, "big") + body[listed + 2:]
        at = body.index(b"\0\x29", len(body) - len(binders) - 2 - 12 -
                        len(p.identity))
        size = int.from_bytes(body[at + 2:at + 4], "big") + change
        body = body[:at + 2] + size.to_bytes(2, "big") + body[at + 4:]
        p.send(record(HANDSHAKE, message(CLIENT_HELLO, body), 0x0301))
    return act


def with_psk_first(p):
    """pre_shared_key is not the last extension."""
    whole = p.hello()
    body = whole[4:]
    listed = 2 + 32 + 33 + 2 + 2 + 2
    size = int.from_bytes(body[listed:listed + 2], "big") + 4
    p.send(record(HANDSHAKE, message(
        CLIENT_HELLO, body[:listed] + size.to_bytes(2, "big") +
        body[listed + 2:] + b"\x12\x34\0\0"), 0x0301))


def retried(change):
    """No share at first; the second hello after the agent has asked for one."""
    def act(p):
        extensions = p.extensions()
        share = extensions[KEY_SHARE]
        extensions[KEY_SHARE] = vector(2, b"")
        p.send(record(HANDSHAKE, p.hello(extensions=extensions), 0x0301))
        p.asked_again()
        extensions[KEY_SHARE] = share
        change(p, extensions)
        p.send(record(HANDSHAKE, p.hello(extensions=extensions)))
    return act


def early(extensions, size):
    """Something that could be early data behind the hello, then Finished."""
    def act(p):
        p.send(record(HANDSHAKE, p.hello(
            extensions={**p.extensions(), **extensions}), 0x0301),
               record(APPLICATION_DATA, bytes(size)))
        p.send(p.protect(HANDSHAKE, p.answered()))
        p.established()
        return served(p)
    return act


def updates(count, asks):
    """So many KeyUpdates at once."""
    def act(p):
        for _ in range(count):
            p.send(p.key_update(asks))
        return None if count > 16 else served(p)
    return connected(act)


def empties(count):
    """So many records without data in a row, and data."""
    def act(p):
        p.send(*(p.protect(APPLICATION_DATA, b"") for _ in range(count)))
        return served(p)
    return connected(act)


def flipped(octets, at):
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def drop(extension):
    return extended(lambda e: e.pop(extension))


def replace(extension, body):
    return extended(lambda e: e.update({extension: body}))


def share(group, body):
    return replace(KEY_SHARE, vector(2, group.to_bytes(2, "big") +
                                     vector(2, body)))


RECORDS = (
    ("a record of 0 octets", send(record(HANDSHAKE, b"")), NO_ALERT),
    ("a record of 2^14 + 2049 octets", send(record(HANDSHAKE, b"", length=18433)),
     NO_ALERT),
    ("a record of 65535 octets", send(record(HANDSHAKE, b"", length=65535)),
     NO_ALERT),
    ("a plain record of 2^14 + 1 octets", send(record(HANDSHAKE, bytes(16385))),
     OVERFLOW),
    ("a record of SSL 2.0", send(record(HANDSHAKE, b"x", 0x0200)), NO_ALERT),
    ("a record of a version to come", send(record(HANDSHAKE, b"x", 0x0305)),
     NO_ALERT),
    ("a record of type 0", send(record(0, b"x")), NO_ALERT),
    ("a heartbeat", send(record(HEARTBEAT, b"\1\0\20" + bytes(19))), NO_ALERT),
    ("data before the hello", send(record(APPLICATION_DATA, b"hello")), UNEXPECTED),
    ("ChangeCipherSpec before the hello", send(CCS), UNEXPECTED),
    ("a fatal alert before the hello", send(record(ALERT, b"\2\50")), UNEXPECTED),
    ("an alert of one octet", send(record(ALERT, b"\2")), UNEXPECTED),
    ("an alert of three octets", send(record(ALERT, b"\1\0\0")), UNEXPECTED),
    ("an alert of no known level", send(record(ALERT, b"\3\0")), UNEXPECTED),
    ("a hello in records of one octet",
     accepted(lambda p: p.send(in_records(p.hello(), 1))), SERVED),
    ("a hello in two records with data between them",
     lambda p: p.send(record(HANDSHAKE, p.hello()[:60]),
                      record(APPLICATION_DATA, b"x")), UNEXPECTED),
    ("a hello in two records with ChangeCipherSpec between them",
     lambda p: p.send(record(HANDSHAKE, p.hello()[:60]), CCS), UNEXPECTED),
    ("a hello with another message in its record",
     rewritten(lambda whole: whole + message(FINISHED, bytes(32))), UNEXPECTED),
    ("a hello with half a message in its record",
     rewritten(lambda whole: whole + b"\24\0"), UNEXPECTED),
)

MESSAGES = (
    ("a hello of 0 octets", send(record(HANDSHAKE, message(CLIENT_HELLO, b""))),
     DECODE),
    ("a hello of 2^24 - 1 octets",
     send(record(HANDSHAKE, message(CLIENT_HELLO, bytes(16000), 0xffffff))),
     ILLEGAL),
    ("a hello that is one octet longer than it says", rewritten(
        lambda whole: message(1, whole[4:], len(whole) - 5)), DECODE),
    ("a hello with an octet behind it", rewritten(resized(
        lambda body: body + b"\0")), DECODE),
    ("a hello cut within its random", rewritten(resized(lambda body: body[:20])),
     DECODE),
    ("a hello cut within its suites", rewritten(resized(lambda body: body[:70])),
     DECODE),
    ("a hello cut within its extensions",
     rewritten(resized(lambda body: body[:90])), DECODE),
    ("a session id of 33 octets", says(session=bytes(33)), DECODE),
    ("a session id of 255 octets that are not there",
     rewritten(put(38, b"\xff")), DECODE),
    ("no suites", says(suites=()), FAILURE),
    ("suites of an odd length", rewritten(put(71, b"\0\3")), DECODE),
    ("only suites that nobody knows", says(suites=(0x1a1a, 0xfafa)), FAILURE),
    ("only a suite of another hash", says(suites=(0x1302,)), FAILURE),
    ("no compression that could be", says(compression=b"\1"), (DECODE, ILLEGAL)),
    ("a compression in TLS 1.3", says(compression=b"\0\1"), ILLEGAL),
    ("no compression at all", says(compression=b""), DECODE),
    ("legacy version SSL 3.0", says(version=0x0300), (FAILURE, VERSION)),
    ("legacy version TLS 1.3", accepted(says(version=0x0304)), SERVED),
    ("legacy version 2.0", says(version=0x0200), VERSION),
    ("a ServerHello", send(record(HANDSHAKE, message(SERVER_HELLO, bytes(70)))),
     UNEXPECTED),
    ("Finished first", send(record(HANDSHAKE, message(FINISHED, bytes(32)))),
     UNEXPECTED),
    ("KeyUpdate first", send(record(HANDSHAKE, message(KEY_UPDATE, b"\0"))),
     UNEXPECTED),
    ("a message of type 255", send(record(HANDSHAKE, message(255, b"x"))),
     UNEXPECTED),
)

EXTENSIONS = (
    ("versions: none", replace(VERSIONS, vector(1, b"")), NO_VERSION),
    ("versions: an odd length", replace(VERSIONS, vector(1, b"\3\4\3")), NO_VERSION),
    ("versions: more than are there", replace(VERSIONS, b"\6\3\4"), NO_VERSION),
    ("versions: 0.0 and 3.5", replace(VERSIONS, vector(1, b"\0\0\3\5")), VERSION),
    ("versions: TLS 1.1", replace(VERSIONS, vector(1, b"\3\2")), VERSION),
    ("versions: unknown ones beside TLS 1.3",
     accepted(replace(VERSIONS, vector(1, b"\x1a\x1a\x7f\x1c\3\4"))), SERVED),
    ("an extension twice", lambda p: p.send(record(HANDSHAKE, p.hello(
        extensions=[*p.extensions().items(), (GROUPS, b"\0\2\0\35")]), 0x0301)),
     ILLEGAL),
    ("keys before another extension", with_psk_first, ILLEGAL),
    ("no psk_key_exchange_modes", drop(MODES), FAILURE),
    ("psk_key_exchange_modes: psk_ke alone", replace(MODES, b"\1\0"), FAILURE),
    ("psk_key_exchange_modes: none", replace(MODES, b"\0"), FAILURE),
    ("psk_key_exchange_modes: more than are there", replace(MODES, b"\5\1"),
     FAILURE),
    ("no key_share", drop(KEY_SHARE), MISSING),
    ("no supported_groups", drop(GROUPS), MISSING),
    ("a share of 31 octets", share(29, bytes(31)), ILLEGAL),
    ("a share of 0 octets", share(29, b""), DECODE),
    ("a share that is no point: all zeroes", share(29, bytes(32)), ILLEGAL),
    ("a share of a group not offered", share(23, b"\4" + bytes(64)), ILLEGAL),
    ("a share that is longer than it says",
     replace(KEY_SHARE, vector(2, b"\0\35\0\40" + bytes(33))), DECODE),
    ("a server name of 0 octets",
     accepted(replace(SERVER_NAME, vector(2, b"\0\0\0"))), SERVED),
    ("a server name with a NUL",
     replace(SERVER_NAME, vector(2, b"\0" + vector(2, b"a\0b"))), UNNAMED),
    ("a server name of 256 octets",
     replace(SERVER_NAME, vector(2, b"\0" + vector(2, b"a" * 256))), UNNAMED),
    ("an unknown extension of 10000 octets",
     accepted(replace(0x1234, bytes(10000))), SERVED),
    ("asked for a share, another random",
     accepted(retried(lambda p, _: setattr(p, "random", bytes(32)))), SERVED),
    ("asked for a share, another KpcId",
     retried(lambda p, _: setattr(p, "identity", b"nobody@example.org")), FAILURE),
    ("asked for a share, none again",
     retried(lambda _, e: e.update({KEY_SHARE: vector(2, b"")})), ILLEGAL),
    ("asked for a share, one of another group",
     retried(lambda _, e: e.update({KEY_SHARE: vector(
         2, b"\0\27" + vector(2, b"\4" + bytes(64)))})), ILLEGAL),
    ("asked for a share, which comes",
     accepted(retried(lambda *_: None)), SERVED),
)

KEYS = (
    ("a wrong binder", says(binder=lambda true: flipped(true, 31)), UNKNOWN),
    ("an unknown KpcId", identified(b"nobody@example.org"), UNKNOWN),
    ("a binder of all zeroes", says(binder=lambda true: bytes(32)), UNKNOWN),
    ("no binder", no_binder(b""), DECODE),
    ("a binder of 0 octets", no_binder(b"\0"), DECODE),
    ("a binder of 31 octets", no_binder(b"\x1f" + bytes(31)), DECODE),
    ("a binder of 33 octets", no_binder(b"\x21" + bytes(33)), FAILURE),
    ("a binder that is longer than its list", no_binder(b"\x30" + bytes(32)),
     DECODE),
    ("two binders for one key", no_binder(2 * (b"\x20" + bytes(32))), DECODE),
    ("keys without an identity", lambda p: p.send(record(HANDSHAKE, p.hello(
        extensions=[*p.extensions().items(), (41, b"\0\0\0\0")],
        identities=()), 0x0301)), DECODE),
    ("an identity of 0 octets", identified(b""), DECODE),
    ("an identity of 1 octet", identified(b"x"), UNKNOWN),
    ("an identity that is a known one, NUL, and more",
     lambda p: identified(p.identity + b"\0x")(p), UNKNOWN),
    ("an identity of NUL alone", identified(b"\0"), UNKNOWN),
    ("an identity of 128 octets", identified(b"x" * 128), UNKNOWN),
    ("an identity of 255 octets", identified(b"x" * 255), UNKNOWN),
    ("an identity of 256 octets", identified(b"x" * 256), UNKNOWN),
    ("an identity of 16000 octets", identified(b"x" * 16000), UNKNOWN),
    ("an identity of 65000 octets", identified(b"x" * 65000), UNKNOWN),
)

FLIGHTS = (
    ("ChangeCipherSpec before Finished", finishing(
        lambda p, last: p.send(CCS, p.protect(HANDSHAKE, last))), SERVED),
    ("ChangeCipherSpec twice before Finished", finishing(
        lambda p, last: p.send(CCS, CCS, p.protect(HANDSHAKE, last))), SERVED),
    ("ChangeCipherSpec of two octets", answered(
        lambda p, last: p.send(record(CHANGE_CIPHER_SPEC, b"\1\1"))), (UNEXPECTED, ILLEGAL)),
    ("ChangeCipherSpec of another octet", answered(
        lambda p, last: p.send(record(CHANGE_CIPHER_SPEC, b"\2"))), (UNEXPECTED, ILLEGAL)),
    ("ChangeCipherSpec under the keys", answered(
        lambda p, last: p.send(p.protect(CHANGE_CIPHER_SPEC, b"\1"))), UNEXPECTED),
    ("ChangeCipherSpec 20000 times", answered(
        lambda p, last: p.send(*(CCS,) * 20000)), UNEXPECTED),
    ("Finished padded to a full record", finishing(
        lambda p, last: p.send(p.protect(HANDSHAKE, last, 16000))), SERVED),
    ("Finished in records of one octet", finishing(
        lambda p, last: p.send(*(p.protect(HANDSHAKE, bytes([octet]))
                                 for octet in last))), SERVED),
    ("a Finished with one bit changed", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, flipped(last, 20)))), DECRYPT),
    ("a Finished of 31 octets", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, message(
            FINISHED, last[4:35])))), (DECODE, DECRYPT)),
    ("a Finished of 33 octets", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, message(
            FINISHED, last[4:] + b"\0")))), (DECODE, DECRYPT)),
    ("Finished without protection", answered(
        lambda p, last: p.send(record(HANDSHAKE, last))), UNEXPECTED),
    ("Finished with a false tag", answered(
        lambda p, last: p.send(flipped(p.protect(HANDSHAKE, last), 20))), BAD_MAC),
    ("Finished and data in one record", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, last + b"\0"))), UNEXPECTED),
    ("data in place of Finished", answered(
        lambda p, last: p.send(p.protect(APPLICATION_DATA, b"x"))), UNEXPECTED),
    ("a record under the keys of 0 octets", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, b""))), UNEXPECTED),
    ("a record under the keys of padding alone", answered(
        lambda p, last: p.send(p.protect(0, b"", 50))), UNEXPECTED),
    ("a record under the keys shorter than a tag", answered(
        lambda p, last: p.send(record(APPLICATION_DATA, bytes(15)))), BAD_MAC),
    ("a record of 2^14 + 257 octets under the keys", answered(
        lambda p, last: p.send(record(APPLICATION_DATA, bytes(16641)))), OVERFLOW),
    ("a hello again", answered(
        lambda p, last: p.send(record(HANDSHAKE, p.hello()))), UNEXPECTED),
    ("a hello again under the keys", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, p.hello()))), UNEXPECTED),
    ("KeyUpdate before Finished", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, message(KEY_UPDATE, b"\0")))),
     UNEXPECTED),
    ("a certificate before Finished", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, message(11, bytes(4))))),
     UNEXPECTED),
    ("EndOfEarlyData without early data", answered(
        lambda p, last: p.send(p.protect(HANDSHAKE, message(
            END_OF_EARLY_DATA, b"")))), UNEXPECTED),
    ("early data that was not announced", early({}, 100), BAD_MAC),
    ("early data that was announced", early({EARLY_DATA: b""}, 100), UNEXPECTED),
    ("early data that was announced, a full record",
     early({EARLY_DATA: b""}, 16384 + 256), UNEXPECTED),
    ("user_canceled and close_notify", answered(
        lambda p, last: p.send(p.protect(ALERT, b"\1\x5a"),
                               p.protect(ALERT, b"\1\0"))), NO_ALERT),
)

DATA = (
    ("data without protection after Finished", connected(
        lambda p: p.send(record(APPLICATION_DATA, b"hello" * 10))), BAD_MAC),
    ("a message without protection after Finished", connected(
        lambda p: p.send(record(HANDSHAKE, message(KEY_UPDATE, b"\0")))),
     UNEXPECTED),
    ("close_notify without protection after Finished", connected(
        lambda p: p.send(record(ALERT, b"\1\0"))), UNEXPECTED),
    ("ChangeCipherSpec after Finished", connected(lambda p: p.send(CCS)),
     UNEXPECTED),
    ("Finished again", connected(
        lambda p: p.send(p.protect(HANDSHAKE, message(FINISHED, bytes(32))))),
     UNEXPECTED),
    ("a hello after Finished", connected(
        lambda p: p.send(p.protect(HANDSHAKE, p.hello()))), UNEXPECTED),
    ("a ticket from a client", connected(
        lambda p: p.send(p.protect(HANDSHAKE, message(4, bytes(20))))),
     UNEXPECTED),
    ("KeyUpdate of value 2", connected(
        lambda p: p.send(p.protect(HANDSHAKE, message(KEY_UPDATE, b"\2")))),
     ILLEGAL),
    ("KeyUpdate of 0 octets", connected(
        lambda p: p.send(p.protect(HANDSHAKE, message(KEY_UPDATE, b"")))), DECODE),
    ("KeyUpdate of 2 octets", connected(
        lambda p: p.send(p.protect(HANDSHAKE, message(KEY_UPDATE, b"\0\0")))),
     (DECODE, ILLEGAL)),
    ("KeyUpdate with another behind it in the record", connected(
        lambda p: p.send(p.protect(HANDSHAKE, 2 * message(KEY_UPDATE, b"\0")))),
     UNEXPECTED),
    ("KeyUpdate in two records with data between them", connected(
        lambda p: p.send(p.protect(HANDSHAKE, b"\x18\0"),
                         p.protect(APPLICATION_DATA, b"x"))), UNEXPECTED),
    ("KeyUpdate 10 times", updates(10, 0), SERVED),
    ("KeyUpdate 10 times that asks for one", updates(10, 1), SERVED),
    ("KeyUpdate 100 times", updates(100, 0), NO_ALERT),
    ("KeyUpdate 100 times that asks for one", updates(100, 1), NO_ALERT),
    ("20 records without data", empties(20), SERVED),
    ("100 records without data", empties(100), UNEXPECTED),
    ("a record of type 24 under the keys", connected(
        lambda p: p.send(p.protect(HEARTBEAT, b"\1\0\1x"))), UNEXPECTED),
    ("a full record of padding", connected(
        lambda p: p.send(p.protect(APPLICATION_DATA, b"", 16384)) or served(p)),
     SERVED),
)

OLD = (
    ("an identity of 0 octets", identified12(b""), BAD_MAC),
    ("an identity of 128 octets", identified12(b"x" * 128), BAD_MAC),
    ("an identity of 255 octets", identified12(b"x" * 255), BAD_MAC),
    ("an identity of 256 octets", identified12(b"x" * 256), BAD_MAC),
    ("an identity of 65535 octets", greeted(lambda p: p.send(
        in_records(p.key_exchange(b"x" * 65535), 16384))), NO_ALERT),
    ("an identity that is a known one, NUL, and more",
     lambda p: identified12(p.identity + b"\0x")(p), BAD_MAC),
    ("an identity that is longer than its message", greeted(
        lambda p: p.send(record(HANDSHAKE, message(
            CLIENT_KEY_EXCHANGE, b"\0\x20x")))), DECODE),
    ("an identity with an octet behind it", greeted(
        lambda p: p.send(record(HANDSHAKE, message(
            CLIENT_KEY_EXCHANGE, vector(2, p.identity) + b"x")))), DECODE),
    ("ChangeCipherSpec before the key exchange", greeted(lambda p: p.send(CCS)),
     UNEXPECTED),
    ("ChangeCipherSpec twice", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()), CCS, CCS)),
     (BAD_MAC, INTERNAL)),
    ("ChangeCipherSpec of two octets", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()),
                         record(CHANGE_CIPHER_SPEC, b"\1\1"))), UNEXPECTED),
    ("Finished before ChangeCipherSpec", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()),
                         record(HANDSHAKE, p.finished()))), UNEXPECTED),
    ("Finished without protection", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()), CCS,
                         record(HANDSHAKE, p.finished()))), BAD_MAC),
    ("a Finished with one bit changed", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()), CCS,
                         p.protect(HANDSHAKE, flipped(p.finished(), 8)))), DECRYPT),
    ("the key exchange twice", greeted(
        lambda p: p.send(record(HANDSHAKE, p.key_exchange()),
                         record(HANDSHAKE, p.key_exchange()))), UNEXPECTED),
    ("a hello in place of the key exchange", greeted(
        lambda p: p.send(record(HANDSHAKE, p.hello()))), UNEXPECTED),
    ("data in place of the key exchange", greeted(
        lambda p: p.send(record(APPLICATION_DATA, b"x"))), UNEXPECTED),
    ("no Extended Master Secret", says(extensions={}), FAILURE),
    ("six warnings in a row", greeted(
        lambda p: p.send(*(record(ALERT, b"\1\x5a"),) * 6)), UNEXPECTED),
    ("data without protection after Finished", connected(
        lambda p: p.send(record(APPLICATION_DATA, b"hello" * 10))), BAD_MAC),
    ("ChangeCipherSpec after Finished", connected(
        lambda p: p.send(p.protect(CHANGE_CIPHER_SPEC, b"\1"))), UNEXPECTED),
    ("20 records without data", empties(20), SERVED),
    ("100 records without data", empties(100), UNEXPECTED),
)


def result(peer, act):
    """What became of it."""
    try:
        return act(peer) or peer.verdict()
    except Alert as alert:
        return alert.number
    except TimeoutError:
        return "silence"
    except EOFError:
        return "end"
    except ConnectionError:
        pass
    # Who sends is told of a reset in place of who reads; an alert came before.
    got = peer.verdict()
    return NO_ALERT if got == "end" else got


def good(make):
    """A peer that breaks nothing is served."""
    with make() as peer:
        peer.connect()
        got = served(peer)
    return None if got == SERVED else f"a good peer after it: {got}"


def check(make, act, wanted):
    """One bad peer, and a good one after it."""
    with make() as peer:
        got = result(peer, act)
    if got not in (wanted if isinstance(wanted, tuple) else (wanted,)):
        return f"{got} in place of {wanted}"
    return good(make)


def main():
    port, key13, key12 = sys.argv[1:]
    tap = Tap()

    def new():
        return Peer13(int(port), b"new@example.org", bytes.fromhex(key13))

    def old():
        return Peer12(int(port), b"old@example.org", bytes.fromhex(key12))

    for row, make, version, cases in (
            ("M7", new, "1.3", RECORDS + MESSAGES + EXTENSIONS), ("X5", new, "1.3", KEYS),
            ("M7", new, "1.3", FLIGHTS), ("I8", new, "1.3", DATA), ("M7", old, "1.2", OLD)):
        for text, act, wanted in cases:
            tap.case(row, f"TLS {version}: {text}", check, make, act, wanted)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
