#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer of Python's ssl, 3.13 and later; what it does and its usage are those
of peer.h, but that NAME is OpenSSL's and a file with a DH group comes last."""

import signal
import socket
import ssl
import sys

PIECE = 4000


def context(server, version, name, identity, psk, group):
    """Only that version, and of TLS 1.2 only that suite."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else
                          ssl.PROTOCOL_TLS_CLIENT)
    if not server:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = (
        ssl.TLSVersion.TLSv1_3 if version == "1.3" else ssl.TLSVersion.TLSv1_2)
    if version == "1.2":
        level = ":@SECLEVEL=0" if name.endswith("CCM8") else ""
        made.set_ciphers(name + level)
    if server:
        made.load_dh_params(group)
        made.set_psk_server_callback(
            lambda who: psk if who == identity else b"", None)
    else:
        made.set_psk_client_callback(lambda hint: (identity, psk))
    return made


def say(s):
    """Standard input, piece by piece, and what comes back."""
    while piece := sys.stdin.buffer.read(PIECE):
        s.sendall(piece)
        left = len(piece)
        while left:
            back = s.recv(left)
            if not back:
                sys.exit("the echo ended early")
            sys.stdout.buffer.write(back)
            left -= len(back)
    sys.stdout.buffer.flush()


def main():
    """One connection."""
    role, port, version, _, name, identity, path, group = sys.argv[1:]
    if not getattr(ssl, "HAS_PSK", False):
        print(f"cannot: Python {sys.version.split()[0]} has no PSK, 3.13 has",
              file=sys.stderr)
        return 4
    signal.alarm(60)
    with open(path, encoding="ascii") as file:
        psk = bytes.fromhex(file.read())
    server = role == "server"
    tls = context(server, version, name, identity, psk, group)
    if server:
        with socket.create_server(("127.0.0.1", int(port))) as listener:
            plain = listener.accept()[0]
    else:
        plain = socket.create_connection(("127.0.0.1", int(port)))
    s = tls.wrap_socket(plain, server_side=server, suppress_ragged_eofs=False)
    if server:
        while piece := s.recv(PIECE):
            s.sendall(piece)
    else:
        say(s)
    # Sends close_notify and waits for the peer's.
    s.unwrap().close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
