"""How Chromium is started here, whichever tool drives it."""

import re

from analyzers.runtime.live.egress import PORT_WORD, SANDBOX_WORD
from analyzers.runtime.live.origins import Origins

PROXY_URL = f"socks5://127.0.0.1:{PORT_WORD}"
"""The way out, for programs that take a proxy by its URL."""

CHROMIUM_SWITCHES = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--disable-quic",
    "--dns-prefetch-disable",
    f"--proxy-server={PROXY_URL}",
    # Without this Chromium uses no proxy for the loopback.
    "--proxy-bypass-list=<-loopback>",
    # It never asks a resolver: the proxy gets names.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)
"""What leads all of Chromium's traffic to the proxy, in a namespace or not."""


def chromium_switches(origins: Origins) -> tuple[str, ...]:
    """`CHROMIUM_SWITCHES` for one app. They allow its ports: browsers refuse some, such as 6000."""
    ports = sorted({name.rpartition(":")[2] for name in origins.routes})
    return (*CHROMIUM_SWITCHES, f"--explicitly-allowed-ports={','.join(ports)}", SANDBOX_WORD)


# Hosts that Chromium asks for whatever its switches: they are refused, and no page caused it.
ASKED_BY_ITSELF = re.compile(
    r"(update|content-autofill|optimizationguide-pa|safebrowsing)\.googleapis\.com:"
    r"|(accounts|clients\d?|android\.clients)\.google\.com:|redirector\.gvt1\.com:"
)
