# SPDX-License-Identifier: GPL-2.0-only
"""The cipher suites that kpc has, and what their names are elsewhere."""

import os
import subprocess

from sites import find_kpcd


class Suite:
    """A line of `kpc version suites`."""

    def __init__(self, line):
        code, version, self.name, self.openssl = line.split()[:4]
        self.code = int(code, 16)
        self.tls13 = version == "TLSv1.3"
        # As peer.h and GnuTLS name it.
        self.asked = "1.3" if self.tls13 else "1.2"
        self.gnutls = f"VERS-TLS{self.asked}"
        self.wire = 0x0304 if self.tls13 else 0x0303
        self.version = version
        self.short_tag = self.name.endswith("CCM_8")
        self.word = f"{self.code:04x}"

    def words(self):
        """Of an association that has only this one."""
        return (f"profile {'modern' if self.tls13 else 'onem2m'} offload off "
                f"versions {self.version.lower().replace('v', '')} suites {self.name}")


def suites():
    """Those that kpc has."""
    kpc = os.path.join(os.path.dirname(find_kpcd()), "kpc")
    said = subprocess.run([kpc, "version", "suites"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return [Suite(line) for line in said.splitlines()]
