# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams for the tests of DTLS: a backend, a local program, a path that loses
some, and peers that mean no good."""

import os
import random
import socket
import struct
import sys
import time

HANDSHAKE = 22
CLIENT_HELLO = 1
# TLS_PSK_WITH_AES_128_CCM_8, and that there is Extended Master Secret.
SUITES = b"\xc0\xa8"
EXTENSIONS = struct.pack(">HH", 23, 0)
# Of <linux/in.h> and <linux/udp.h>; Python has no name for them.
IP_PKTINFO = 8
UDP_SEGMENT = 103


def udp(address="127.0.0.1", port=0, shared=False):
    """A socket that is bound, others too where they share its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def echo(address, port, shared=""):
    """A backend that says what it hears, each datagram by itself."""
    sock = udp(address, int(port), shared)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    while True:
        octets, where = sock.recvfrom(65535)
        sock.sendto(octets, where)


def tlvs(octets):
    """What a header of the PROXY protocol says behind the addresses."""
    found = {}
    while octets:
        kind, length = struct.unpack_from(">BH", octets)
        if len(octets) < 3 + length:
            raise ValueError("one is cut")
        found[kind] = octets[3:3 + length]
        octets = octets[3 + length:]
    return found


def introduction(datagram):
    """Who has sent it, as its header has it; and what."""
    if datagram[:12] != b"\r\n\r\n\0\r\nQUIT\n" or datagram[12] != 0x21:
        raise ValueError("it has no header")
    family = {0x12: socket.AF_INET, 0x22: socket.AF_INET6}[datagram[13]]
    end = 16 + struct.unpack_from(">H", datagram, 14)[0]
    size = 4 if family == socket.AF_INET else 16
    ports = 16 + 2 * size
    if end > len(datagram):
        raise ValueError("its header is cut")
    more = tlvs(datagram[ports + 4:end])
    tls = more[0x20]
    if tls[:5] != b"\7\0\0\0\0" or len(more[5]) != 24:
        raise ValueError("nobody has proved who he is")
    inner = tlvs(tls[5:])
    said = [socket.inet_ntop(family, datagram[16:16 + size]),
            str(struct.unpack_from(">H", datagram, ports)[0]),
            socket.inet_ntop(family, datagram[16 + size:ports]),
            str(struct.unpack_from(">H", datagram, ports + 2)[0])]
    said += [octets.decode() for octets in (more[0xe0], more[0xe1], more[0xe2], inner[0x21],
                                            inner[0x23], inner[0x22])]
    return said + [more[5].hex()], datagram[end:]


def introduced(address, port, log):
    """A backend that takes datagrams with a header of the PROXY protocol, and echoes
    what is behind it. It writes down who said what."""
    sock = udp(address, int(port))
    with open(log, "a", encoding="ascii", buffering=1) as lines:
        while True:
            octets, where = sock.recvfrom(65535)
            try:
                said, payload = introduction(octets)
            except (KeyError, ValueError, struct.error) as error:
                print("refused:", error, octets[:32].hex(), file=lines)
                continue
            print(*said, payload[:40].hex() or "-", file=lines)
            sock.sendto(payload, where)


def sizes(port, *lengths):
    """A local program: datagrams of such lengths come back as they went."""
    sock = udp()
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(10)
    for length in map(int, lengths):
        sent = random.randbytes(length)
        sock.send(sent)
        if sock.recv(65535) != sent:
            sys.exit(f"one of {length} octets comes back otherwise")


def answered(port, shared=""):
    """A local program that says one thing, and has it back."""
    sock = udp(shared=shared)
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(3)
    sock.send(b"hello")
    try:
        sock.recv(65535)
    except TimeoutError:
        sys.exit("nobody answers")


def bursts(port, seed):
    """A local program: what it sends at once comes back in order, each as it went,
    alike in length or not, and also where the kernel was told to cut it."""
    chance = random.Random(int(seed))
    sock = udp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(10)
    # Of a program without a peer yet, no more than a few are kept.
    sock.send(b"first")
    sock.recv(65535)
    for number in range(60):
        size = chance.choice((1, 20, 300, 1200, 4000, 16384))
        most = max(2, min(60, 60000 // size))
        count = chance.randrange(2, most + 1)
        sent = [chance.randbytes(size) for _ in range(count - 1)]
        sent.append(chance.randbytes(chance.randrange(1, size + 1)))
        # No more is cut than a device takes whole.
        if number % 2 and size < 16384:
            cut = [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("=H", size))]
            sock.sendmsg(sent, cut)
        else:
            if number % 3 == 0:
                sent[chance.randrange(count)] = b""
                chance.shuffle(sent)
            for octets in sent:
                sock.send(octets)
        for place, octets in enumerate(sent):
            try:
                got = sock.recv(65535)
            except TimeoutError:
                got = None
            if got != octets:
                sys.exit(f"of {[len(octets) for octets in sent]} in burst {number} number "
                         f"{place} comes back " + ("otherwise" if got else "not at all"))


def lost(port, length):
    """A local program: one of that length is not passed on, the next is."""
    sock = udp()
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(10)
    sock.send(bytes(int(length)))
    sock.send(b"next")
    if sock.recv(65535) != b"next":
        sys.exit("it came back")


def many(port, programs, each):
    """So many local programs at once, each with numbered datagrams of its own,
    all of which come back to it and to nobody else. None may be lost: no more
    than a few are on their way at a time."""
    socks = []
    for _ in range(int(programs)):
        sock = udp()
        sock.connect(("127.0.0.1", int(port)))
        sock.settimeout(10)
        socks.append(sock)
    for number in range(int(each)):
        for who, sock in enumerate(socks):
            sock.send(b"%d %d" % (who, number))
        for who, sock in enumerate(socks):
            got = sock.recv(65535)
            if got != b"%d %d" % (who, number):
                sys.exit(f"{who} got {got!r} for {number}")


def crowd(port, programs, at_once, each):
    """So many local programs, some of them new at a time: each has its datagrams
    back, from its first to its last, and from nobody else."""
    socks = []
    while len(socks) < int(programs):
        begun = len(socks)
        for who in range(begun, begun + int(at_once)):
            sock = udp()
            sock.connect(("127.0.0.1", int(port)))
            sock.settimeout(20)
            sock.send(b"%d" % who)
            socks.append(sock)
        for who in range(begun, len(socks)):
            if socks[who].recv(65535) != b"%d" % who:
                sys.exit(f"{who} got what is not its own")
    for number in range(int(each)):
        for begun in range(0, len(socks), int(at_once)):
            some = range(begun, min(begun + int(at_once), len(socks)))
            for who in some:
                socks[who].send(b"%d %d" % (who, number))
            for who in some:
                if socks[who].recv(65535) != b"%d %d" % (who, number):
                    sys.exit(f"{who} got what is not its own")


def between(port, to, pass_on):
    """Stands in the way of datagrams, with an address of its own for each from which
    some come: pass_on(send, octets, forth) sends what goes on."""
    here = udp("127.0.0.1", int(port))
    here.setblocking(False)
    ends = {}

    def back_to(whose):
        return lambda octets: here.sendto(octets, whose)

    while True:
        moved = False
        try:
            octets, whose = here.recvfrom(65535)
            if whose not in ends:
                ends[whose] = udp()
                ends[whose].connect(("127.0.0.1", int(to)))
                ends[whose].setblocking(False)
            pass_on(ends[whose].send, octets, True)
            moved = True
        except BlockingIOError:
            pass
        for whose, sock in ends.items():
            try:
                pass_on(back_to(whose), sock.recv(65535), False)
                moved = True
            except (BlockingIOError, ConnectionRefusedError):
                pass
        if not moved:
            time.sleep(0.001)


def path(port, to, seed):
    """A path that loses a tenth, doubles a tenth, and has a tenth overtaken."""
    chance = random.Random(int(seed))
    late = []

    def pass_on(send, octets, _):
        what = chance.randrange(10)
        if what == 0:
            return
        if what == 1:
            send(octets)
        if what == 2:
            late.append((send, octets))
            return
        send(octets)
        while late:
            other, held = late.pop()
            other(held)

    between(port, to, pass_on)


def records_of(datagram):
    """One after the other, each with its header."""
    while len(datagram) >= 13:
        end = 13 + struct.unpack_from(">H", datagram, 11)[0]
        yield datagram[:end]
        datagram = datagram[end:]


def apart(port, to):
    """A path behind a peer that sends each record by itself."""

    def pass_on(send, octets, forth):
        for one in records_of(octets) if forth else (octets,):
            send(one)

    between(port, to, pass_on)


def kinds(datagram):
    """Epoch, type of the record, and of the message where it is of a handshake."""
    for one in records_of(datagram):
        kind, _, epoch = struct.unpack_from(">BHH", one)
        yield epoch, kind, one[13] if kind == HANDSHAKE and not epoch else None


def late_hello(port, to):
    """A path that loses the end of the server's handshake once, and has the hello with
    the cookie come again behind it."""
    hellos, lost_once = [], []

    def pass_on(send, octets, forth):
        seen = list(kinds(octets))
        if forth and (0, HANDSHAKE, CLIENT_HELLO) in seen:
            hellos.append((send, octets))
        if not forth and not lost_once and any(epoch for epoch, _, _ in seen):
            lost_once.append(octets)
            again, what = hellos[-1]
            again(what)
            return
        send(octets)

    between(port, to, pass_on)


def keeps_on(port):
    """A local program that says something twice a second, and tells what is answered."""
    sock = udp()
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(0.5)
    while True:
        sock.send(b"anybody there?")
        try:
            print(sock.recv(65535).decode(), flush=True)
            time.sleep(0.5)
        except TimeoutError:
            pass


def one_way(port):
    """A local program that sends and sends, and listens for nothing."""
    sock = udp()
    sock.connect(("127.0.0.1", int(port)))
    while True:
        sock.send(b"word")
        time.sleep(0.001)


def sink(port):
    """A backend that never answers, and says of every hundredth datagram that it came."""
    sock = udp("127.0.0.1", int(port))
    while True:
        for _ in range(100):
            sock.recv(65535)
        print("a hundred", flush=True)


def insist(port, programs):
    """Local programs behind a path that loses: each says its own until it is said
    back to it."""
    for who in range(int(programs)):
        sock = udp()
        sock.connect(("127.0.0.1", int(port)))
        sock.settimeout(0.3)
        end = time.monotonic() + 60
        while True:
            sock.send(b"%d" % who)
            try:
                if sock.recv(65535) == b"%d" % who:
                    break
                sys.exit("another was said back")
            except TimeoutError:
                pass
            if time.monotonic() > end:
                sys.exit(f"after a minute nothing is said back to number {who}")


def lossy(port, count, path="lossy", length=100):
    """A local program behind such a path: of what it sends some comes back, or all
    where it says lossless, each datagram once at most and none that it did not
    send. Some are on their way at a time."""
    sock = udp()
    sock.connect(("127.0.0.1", int(port)))
    sock.settimeout(0.1)
    sent, got = {}, {}
    end = time.monotonic() + 60

    def say():
        octets = random.randbytes(int(length))
        sent[octets] = True
        sock.send(octets)

    def take():
        try:
            octets = sock.recv(65535)
        except TimeoutError:
            return False
        got[octets] = got.get(octets, 0) + 1
        return True

    while not got and time.monotonic() < end:
        say()
        take()
    while take():
        pass
    sent, early = {}, sent
    got.clear()
    for _ in range(int(count) // 8):
        for _ in range(8):
            say()
        for _ in range(8):
            if not take():
                break
    while take():
        pass
    strange = [octets for octets in got if octets not in sent and octets not in early]
    twice = [octets for octets in got if got[octets] > 1]
    print(f"{len(sent)} sent, {len(got)} came back, {len(twice)} of them twice")
    least = len(sent) if path == "lossless" else len(sent) // 4
    if strange or twice or len(got) < least:
        sys.exit(f"{len(strange)} came that were not sent; at least {least} were to come")


def record(kind, content, number=0, epoch=0, version=0xfefd):
    """One of DTLS."""
    return struct.pack(">BHHHIH", kind, version, epoch, number >> 32,
                       number & 0xffffffff, len(content)) + content


def message(kind, body, number=0):
    """One of a handshake, whole."""
    length = struct.pack(">I", len(body))[1:]
    return bytes([kind]) + length + struct.pack(">H", number) + bytes(3) + length + body


def hello(cookie=b"", rand=None, number=0, suites=SUITES, more=EXTENSIONS):
    """A ClientHello in its record."""
    body = b"\xfe\xfd" + (rand or os.urandom(32)) + b"\0" + bytes([len(cookie)]) + cookie
    body += struct.pack(">H", len(suites)) + suites + b"\1\0"
    body += struct.pack(">H", len(more)) + more
    return record(HANDSHAKE, message(CLIENT_HELLO, body, number), number)


def cookie_of(answer):
    """What a HelloVerifyRequest brings."""
    if len(answer) < 28 or answer[13] != 3:
        sys.exit(f"no HelloVerifyRequest: {answer.hex()}")
    return answer[28:28 + answer[27]]


def waiting(sock):
    """Octets and datagrams that have come to a socket that does not block."""
    octets = datagrams = 0
    try:
        while True:
            octets += len(sock.recv(65535))
            datagrams += 1
    except BlockingIOError:
        return octets, datagrams


def flood(port, count, sources, back):
    """Hellos from many addresses of this machine, as spoofed ones would come: how
    many octets are sent, and how many come back."""
    sock = udp("0.0.0.0", int(back))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.setblocking(False)
    asked, came = 0, []
    for i in range(int(count)):
        source = struct.pack(">I", 0x7f010000 + i % int(sources) + 1)
        what = hello()
        info = struct.pack("=I4s4s", 0, source, bytes(4))
        sock.sendmsg([what], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0,
                     ("127.0.0.1", int(port)))
        asked += len(what)
        if i % 64:
            continue
        # What the worker has no time for is lost on its way, as on any other.
        time.sleep(0.001)
        came.append(waiting(sock))
    time.sleep(0.5)
    came.append(waiting(sock))
    answered, answers = map(sum, zip(*came))
    print(f"{asked} octets asked, {answered} octets and {answers} datagrams answered")
    if answered > asked:
        sys.exit("it gives more than it is given")
    if answers < int(count) // 2:
        sys.exit("it does not answer")


def proved(port, count):
    """Peers that bring their cookie back and then say nothing."""
    for _ in range(int(count)):
        sock = udp()
        sock.settimeout(5)
        sock.connect(("127.0.0.1", int(port)))
        rand = os.urandom(32)
        sock.send(hello(rand=rand))
        sock.send(hello(cookie_of(sock.recv(65535)), rand, 1))
        sock.recv(65535)


def silent(sock):
    """What comes back, None: nothing does."""
    sock.settimeout(0.2)
    try:
        return sock.recv(65535)
    except TimeoutError:
        return None
    finally:
        sock.settimeout(5)


def cookies(port):
    """Cookies of somebody else, of another hello, altered, and cut short: each is
    answered by a new one, and by nothing else."""
    one, other = udp(), udp("127.0.0.2")
    for sock in one, other:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", int(port)))
    rand = os.urandom(32)
    first = hello(rand=rand)
    one.send(first)
    answer = one.recv(65535)
    if len(answer) >= len(first):
        sys.exit(f"{len(answer)} octets for {len(first)}")
    cookie = cookie_of(answer)
    for sock, what in ((other, hello(cookie, rand, 1)), (one, hello(cookie, None, 1)),
                       (one, hello(cookie, rand, 1, SUITES + b"\0\xff")),
                       (one, hello(bytes([cookie[0] ^ 1]) + cookie[1:], rand, 1)),
                       (one, hello(cookie[:-1], rand, 1)), (one, hello(bytes(255), rand, 1))):
        sock.send(what)
        cookie_of(sock.recv(65535))
        if silent(sock):
            sys.exit("a cookie that is not good is taken")
    one.send(hello(cookie, rand, 1))
    answer = one.recv(65535)
    if answer[13] != 2:
        sys.exit(f"a good one is answered by message {answer[13]}")


def malformed(port, seed, count):
    """Datagrams of every sort that nobody should send, before and within a
    handshake."""
    chance = random.Random(int(seed))
    where = ("127.0.0.1", int(port))
    sock = udp()
    sock.connect(where)
    whole = hello()
    for length in range(len(whole)):
        sock.send(whole[:length])
    for _ in range(int(count)):
        what = bytearray(chance.choice((whole, chance.randbytes(chance.randrange(1500)),
                                        record(chance.randrange(256), chance.randbytes(20)),
                                        record(HANDSHAKE, chance.randbytes(40)),
                                        message(16, b"\0\5abcde"))))
        for _ in range(chance.randrange(4)):
            if what:
                what[chance.randrange(len(what))] = chance.randrange(256)
        try:
            sock.send(what)
        except ConnectionRefusedError:
            sys.exit("nobody is there any more")
    for _ in range(int(count) // 50):
        within(chance, where)


def pieces(body, size):
    """A ClientKeyExchange in fragments."""
    for at in range(0, len(body), size):
        part = body[at:at + size]
        yield (bytes([16]) + struct.pack(">I", len(body))[1:] + struct.pack(">H", 2) +
               struct.pack(">I", at)[1:] + struct.pack(">I", len(part))[1:] + part)


def within(chance, where):
    """A peer that has shown its address, and then breaks the protocol."""
    sock = udp()
    sock.settimeout(5)
    sock.connect(where)
    rand = chance.randbytes(32)
    sock.send(hello(rand=rand))
    sock.send(hello(cookie_of(sock.recv(65535)), rand, 1))
    sock.recv(65535)
    body = b"\0\x10" + chance.randbytes(chance.choice((0, 1, 16, 200, 3000)))
    parts = list(pieces(body, chance.choice((1, 7, 100, 5000))))
    chance.shuffle(parts)
    for number, part in enumerate(parts[:100]):
        what = bytearray(record(HANDSHAKE, part, 2 + number))
        if not chance.randrange(10):
            what[chance.randrange(len(what))] ^= 1 << chance.randrange(8)
        sock.send(what)
    sock.send(record(20, b"\1", 200))
    for _ in range(5):
        sock.send(record(chance.choice((20, 21, 22, 23)),
                         chance.randbytes(chance.randrange(100)), 201,
                         chance.randrange(3)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
