"""NSD: a real authoritative DNS server on loopback, its zones in a private folder."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from sandbox.rig.azurite import free_ports
from sandbox.servers.machine import (
    LOOPBACK,
    SERVER_PATIENCE_S,
    ServersMissing,
    program,
    serve,
    wait_until,
)

# A server on the same machine answers in microseconds or not at all.
LOOK_TIMEOUT_S = 0.5
SERVER_OPTIONS = """server:
  ip-address: {address}@{port}
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  server-count: 1
  rrl-ratelimit: 0
  verbosity: 1
remote-control:
  control-enable: no
"""
ZONE_OPTIONS = """zone:
  name: "{zone}"
  zonefile: "{zone}.zone"
"""
ZONE_HEAD = """$ORIGIN {zone}.
$TTL 3600
@ IN SOA ns1 hostmaster {serial} 3600 600 86400 300
"""


def require_nsd() -> None:
    """Raises ServersMissing when the package is not installed."""
    if not program("nsd"):
        raise ServersMissing("This machine lacks nsd: `make setup-test` installs it from Debian.")


class Nsd:
    """One server; it serves the zones that were published last."""

    def __init__(self, folder: Path, *, address: str = LOOPBACK, port: int = 0) -> None:
        """`folder` is made; it must not exist."""
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._serial = 0
        self._served: dict[str, str] = {}
        self.address = address
        self.port = port or free_ports(1)[0]

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    def publish(self, zones: Mapping[str, str]) -> None:
        """Serve these zones and no others, {name: records in zone file form without SOA}; returns when it answers."""
        if self._process is not None and self._served == dict(zones):
            return
        self.stop()
        self._served = dict(zones)
        self._serial += 1
        options = SERVER_OPTIONS.format(address=self.address, port=self.port, folder=self._folder)
        for zone, records in zones.items():
            head = ZONE_HEAD.format(zone=zone, serial=self._serial)
            (self._folder / f"{zone}.zone").write_text(head + records + "\n", encoding="utf-8")
            options += ZONE_OPTIONS.format(zone=zone)
        (self._folder / "nsd.conf").write_text(options, encoding="utf-8")
        self._process = serve(
            ["nsd", "-d", "-c", f"{self._folder}/nsd.conf"], self._folder / "server.log"
        )
        for zone in zones:
            wait_until(lambda name=zone: self._answers(name), f"answer about {zone}")  # type: ignore[misc]

    def stop(self) -> None:
        """Stop serving; nothing when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(SERVER_PATIENCE_S)

    def _answers(self, zone: str) -> bool:
        query = dns.message.make_query(dns.name.from_text(zone), dns.rdatatype.SOA)
        try:
            answer = dns.query.udp(query, self.address, LOOK_TIMEOUT_S, self.port)
        except (dns.exception.Timeout, OSError):
            return False
        return answer.rcode() == dns.rcode.NOERROR
