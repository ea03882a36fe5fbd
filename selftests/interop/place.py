# SPDX-License-Identifier: GPL-2.0-only
"""Where peers run: on this machine, or in a root filesystem of the lab, whose
programs are of another release. Ports and loopback are the same."""

import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCES = ("Makefile", "peer.h", "peer_gnutls.c", "peer_mbedtls.c", "peer_wolfssl.c",
           "peer_node.js", "peer_python.py")


class Host:
    """This machine, with what `unpack` brought before what is installed."""

    def __init__(self, build):
        self.peers = os.path.join(build, "interop")
        self.scripts = HERE
        root = os.path.join(self.peers, "root")
        libraries = [folder for folder, _, names in os.walk(os.path.join(root, "usr/lib"))
                     if any(".so" in name for name in names)]
        self.path = ":".join([os.path.join(root, "usr/bin"), os.path.join(root, "usr/sbin"),
                              os.environ["PATH"], "/usr/sbin"])
        self.env = dict(os.environ, PATH=self.path, LD_LIBRARY_PATH=":".join(libraries))

    @staticmethod
    def command(words):
        """How a program is started here."""
        return list(words)

    def which(self, program):
        """Where a program is, or None."""
        return shutil.which(program, path=self.path)

    def built(self, program):
        """Where a small peer of ours is, or None."""
        path = os.path.join(self.peers, program)
        return path if os.access(path, os.X_OK) else None


# What the peers are to read is under one folder, and at the same path inside.
INSIDE = """
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t tmpfs tmpfs "$1/tmp"
mkdir -p "$1$2"
mount --bind "$2" "$1$2"
root=$1
shift 2
exec chroot "$root" "$@"
"""


class Root(Host):
    """A root filesystem, each program in mounts of its own; where we are not
    root, as one who only looks like it."""

    def __init__(self, root, folder):
        super().__init__(folder)
        self.root, self.folder = root, folder
        self.scripts = os.path.join(folder, "src")
        self.path = "/usr/bin:/usr/sbin"
        self.env = {"PATH": self.path, "HOME": folder, "LC_ALL": "C.UTF-8"}
        self.unshare = ["unshare", "--mount", "--propagation", "private"]
        if os.getuid():
            self.unshare.append("--map-root-user")
        os.mkdir(self.scripts)
        for name in SOURCES:
            shutil.copy(os.path.join(HERE, name), self.scripts)
        made = subprocess.run(self.command(["make", "-s", "-C", self.scripts, f"O={folder}"]),
                              check=False, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode:
            raise OSError(made.stdout.decode(errors="replace"))

    def command(self, words):
        return [*self.unshare, "bash", "-euc", INSIDE, "bash", self.root, self.folder, *words]

    def which(self, program):
        for folder in self.path.split(":"):
            if os.path.lexists(f"{self.root}{folder}/{program}"):
                return os.path.join(folder, program)
        return None
