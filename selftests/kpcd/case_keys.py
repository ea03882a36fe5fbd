# SPDX-License-Identifier: GPL-2.0-only
"""What one key may protect: before it is too much there is another, or an end."""

import hashlib
import re

from bench import MIB
from case_flow import round_trip
from sites import noise, receive_all, wait_for

# Three quarters of limit records 2048, of records that are full: more than that
# much nobody sends with one key.
MOST = 2048 * 16384


def test_worn_out(bench, name):
    """No next key: what was taken has come, both ends learn that there is no
    more, and the next connection is as good as the first."""
    told = rf"connection closed NAME={name} .*as many records"
    data = noise(48 * MIB, 23)
    before = len(bench.ends)
    with bench.open(name) as s:
        try:
            s.sendall(data)
            receive_all(s)
            return "48 MiB were taken with a limit that allows 32"
        except ConnectionError:
            pass
    if not wait_for(lambda: len(bench.ends) > before, 30):
        return "the backend was not told"
    count, digest, how = bench.ends[-1]
    print(f"# {count} octets came")
    if how != "reset":
        return f"the backend heard {how} after {count} octets"
    if not MIB < count < MOST:
        return f"the backend got {count} octets"
    if digest != hashlib.sha256(data[:count]).hexdigest():
        return f"the {count} octets that came are others than were sent"
    if not any(re.search(told, site.said()) for site in (bench.a, bench.b)):
        return "no log tells why"
    bench.kept = [0]
    with bench.open(name) as s:
        s.sendall(data[:MIB])
        if not wait_for(lambda: bench.kept[0] == MIB, 30):
            return f"of the next connection's octets {bench.kept[0]} came"
    return None


def test_renewed(bench, size):
    """Several times what a key may protect, both ways at once, unchanged."""
    told = r"connection (closed|truncated) NAME=worn .*(records|limit)"
    with bench.open("worn") as s:
        wrong = round_trip(s, noise(size, 29))
    return wrong or next(
        (m[0] for site in (bench.a, bench.b)
         if (m := re.search(told, site.said()))), None)
