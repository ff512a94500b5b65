"""Whether a package registry failed, or the app asked it for a package that does not exist.

Only a registry that answers can say that a version does not exist. Connections of the app itself
during a build (to a back end that does not run yet, to a database by name) are no registry.
"""

import re

from clients.substitution import line_at

_UNREACHABLE = re.compile(
    r"Temporary failure in name resolution|Temporary failure resolving|Could not resolve host"
    # Whole words only: `ModuleNotFoundError` and `FileNotFoundError` contain one of them.
    r"|\b(?-i:EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH)\b"
    r"|network is unreachable|ERR_SOCKET_TIMEOUT|No route to host"
    r"|NewConnectionError|Max retries exceeded with url|Read timed out|ConnectTimeoutError"
    r"|SSLCertVerificationError|IncompleteRead|Connection broken|ProtocolError\('Connection"
    r"|CERTIFICATE_VERIFY_FAILED|UNABLE_TO_GET_ISSUER|SELF_SIGNED_CERT_IN_CHAIN"
    r"|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED"
    r"|Could not connect to|Failed to fetch http|Unable to fetch some archives"
    r"|dial tcp|no such host|registry does not answer|TLS handshake"
    r"|npm (?:ERR!|error) code E(?:401|403|407|408|429|5\d\d)\b"
    r"|npm (?:ERR!|error) (?:429|5\d\d) |(?:HTTP error|HTTPError:) (?:401|403|407|408|429|5\d\d)\b"
    r"|\b(?:429 Client Error|5\d\d Server Error|50[234] (?:Bad Gateway|Service|Gateway))",
    re.IGNORECASE,
)
_OWN_HOST = re.compile(
    r"127\.0\.0\.1|\blocalhost\b|::1|\b0\.0\.0\.0\b|host\.docker\.internal"
    r"|(?:ENOTFOUND|EAI_AGAIN|host name) \"?[\w-]+\"?(?:[\s,;)]|$)"
)
# npm and pip print these after the cause, whatever the cause was.
_NO_VERSION = re.compile(r"npm (?:ERR!|error) code (?:ETARGET|E404|ERESOLVE|EUSAGE)")


def registry_fault(log: str) -> str:
    """The line that shows that a registry did not answer; empty when there is none."""
    if _NO_VERSION.search(log):
        return ""
    for line in re.finditer(r"[^\n]{1,2000}", log):
        match = _UNREACHABLE.search(log, line.start(), line.end())
        if match and not _OWN_HOST.search(log, line.start(), line.end()):
            return line_at(log, match)
    return ""
