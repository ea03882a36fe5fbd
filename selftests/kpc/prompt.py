#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs a command at a terminal of its own, and ends or answers its prompt.

prompt.py [--type LINE] COMMAND...: as soon as the terminal shows nothing any
more, types LINE, or without it sends SIGINT by Ctrl-C and to another run SIGTERM.
Fails if the terminal does not echo again behind it, if LINE was shown, or if the
command ends in another way than with 0 or by the signal.
"""
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def play(command, answer, expected):
    master, terminal = os.openpty()

    def controlling():
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        # Who runs this in the background may have them ignored.
        for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)

    child = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal,
                             start_new_session=True, preexec_fn=controlling)
    while echoes(terminal):
        if child.poll() is not None:
            sys.exit(f"{command[0]} ended with {child.returncode} before its prompt")
        time.sleep(0.01)
    answer(child, master)
    status = child.wait(60)
    shown = os.read(master, 65536)
    if status != expected:
        sys.exit(f"ended with {status}, not {expected}: {shown}")
    if not echoes(terminal):
        sys.exit("the terminal is left without echo")
    return shown


def main(words):
    if words[0] == "--type":
        line = words[1].encode()
        if line in play(words[2:], lambda child, master: os.write(master, line + b"\n"), 0):
            sys.exit("the line was shown")
        return
    play(words, lambda child, master: os.write(master, b"\x03"), -signal.SIGINT)
    play(words, lambda child, master: child.terminate(), -signal.SIGTERM)


main(sys.argv[1:])
