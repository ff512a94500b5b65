"""Encrypts the payloads that Temporal keeps: AES-256-GCM, with the key's name beside each.

The format is that of Temporal's own samples, so that their codec servers and tools can read it:
`encoding: binary/encrypted`, `encryption-key-id: NAME`, data: nonce, then the encrypted payload.
The first key encrypts, every key decrypts. A new key goes in front; the old one stays until the
last history that needs it is gone.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from contract.errors import ErrorCode, PlatformError

VARIABLES = "ASSAY_PAYLOAD_KEYS or ASSAY_PAYLOAD_KEY_FILE"
ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
KEY_BYTES = 32
_NONCE_BYTES = 12
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its name, which stands beside each payload that it encrypted."""

    name: str
    value: bytes = field(repr=False)

    @property
    def mark(self) -> str:
        """A short text that tells this key from others; it reveals nothing of a random key."""
        return hashlib.sha256(b"assay payload key " + self.value).hexdigest()[:12]


def parse_keys(text: str) -> tuple[Key, ...]:
    """Keys as people write them: `name:base64` each, separated by commas, spaces or line ends.

    Raises:
        PlatformError: INVALID_ARGUMENT, with the name of the wrong key and never its value.
    """
    keys: dict[str, Key] = {}
    for number, entry in enumerate(re.split(r"[,\s]+", text.strip()), 1):
        if not entry:
            continue
        name, found, encoded = entry.partition(":")
        if not found or not _NAME.fullmatch(name):
            raise _unusable(f"entry {number} is not NAME:BASE64")
        if name in keys:
            raise _unusable(f"{name} stands there twice")
        keys[name] = Key(name, _value(name, encoded))
    return tuple(keys.values())


def _value(name: str, encoded: str) -> bytes:
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unusable(f"{name} is not base64") from error
    if len(value) != KEY_BYTES:
        raise _unusable(f"{name} has {len(value)} bytes and not {KEY_BYTES}")
    return value


class EncryptionCodec(PayloadCodec):
    """Encrypts with the first of `keys`. Without keys it encrypts nothing and decrypts nothing.

    Payloads that were written before there was a key are read as they are.
    """

    def __init__(self, keys: Sequence[Key] = ()) -> None:
        self.keys = tuple(keys)
        self._ciphers = {}
        if keys:  # a command that encrypts nothing need not load the library
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._ciphers = {key.name: AESGCM(key.value) for key in keys}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each payload."""
        return [self._sealed(payload) for payload in payloads] if self.keys else list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt the payloads that are encrypted.

        Raises:
            PlatformError: FAILED_PRECONDITION: encrypted with a key that is not among ours.
        """
        return [
            self._opened(payload) if payload.metadata.get("encoding") == ENCODING else payload
            for payload in payloads
        ]

    def _sealed(self, payload: Payload) -> Payload:
        name, nonce = self.keys[0].name, os.urandom(_NONCE_BYTES)
        data = self._ciphers[name].encrypt(nonce, payload.SerializeToString(), name.encode())
        metadata = {"encoding": ENCODING, KEY_ID: name.encode()}
        return Payload(metadata=metadata, data=nonce + data)

    def _opened(self, payload: Payload) -> Payload:
        name = payload.metadata.get(KEY_ID, b"").decode(errors="replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            known_keys = ", ".join(self._ciphers) or "none"
            raise _no_key(f"it is encrypted with the key {name!r}; the keys here: {known_keys}")
        from cryptography.exceptions import InvalidTag

        nonce, data = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, data, name.encode()))
        except (InvalidTag, ValueError) as error:  # ValueError: the nonce is missing
            raise _no_key(f"it is encrypted with another key of the name {name!r}") from error


def _no_key(cause: str) -> PlatformError:
    message = f"what Temporal keeps cannot be read: {cause}. Set {VARIABLES} as its writer has it"
    return PlatformError(ErrorCode.FAILED_PRECONDITION, message)


def _unusable(cause: str) -> PlatformError:
    message = f"{VARIABLES}: {cause}; a key: NAME:$(openssl rand -base64 {KEY_BYTES})"
    return PlatformError(ErrorCode.INVALID_ARGUMENT, message)
