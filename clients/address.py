"""An address to listen on, as a setting names it."""

from dataclasses import dataclass

from contract.errors import ErrorCode, PlatformError


@dataclass(frozen=True, slots=True)
class Address:
    """Where `/metrics` listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From `host:port`; an IPv6 host stands in brackets.

        Raises:
            PlatformError: INVALID_ARGUMENT: it is none.
        """
        host, _, port = text.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
            message = f"ASSAY_METRICS_ADDRESS {text}: not HOST:PORT, such as 127.0.0.1:9464"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        return cls(host.removeprefix("[").removesuffix("]"), int(port))
