"""Keys and what they seal, without a server."""

import base64

import pytest
from temporalio.api.common.v1 import Payload

from clients.codec import EncryptionCodec, Key, parse_keys
from contract.errors import ErrorCode, PlatformError

OLD, NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"clear text"')


def written(key: Key) -> str:
    return f"{key.name}:{base64.b64encode(key.value).decode()}"


async def test_what_is_sealed_is_opened_and_never_twice_the_same():
    codec = EncryptionCodec([NEW])
    first, second = await codec.encode([CLEAR, CLEAR])

    assert b"clear text" not in first.SerializeToString()
    assert first.data != second.data
    assert await codec.decode([first, second]) == [CLEAR, CLEAR]


async def test_a_new_key_in_front_still_reads_what_the_old_one_sealed():
    (before,) = await EncryptionCodec([OLD]).encode([CLEAR])
    rotated = EncryptionCodec([NEW, OLD])
    (after,) = await rotated.encode([CLEAR])

    assert after.metadata["encryption-key-id"] == b"new"
    assert await rotated.decode([before, after]) == [CLEAR, CLEAR]


async def test_what_was_written_before_there_was_a_key_is_read():
    assert await EncryptionCodec([NEW]).decode([CLEAR]) == [CLEAR]
    assert await EncryptionCodec().encode([CLEAR]) == [CLEAR]


@pytest.mark.parametrize("keys", [[], [OLD], [Key("new", b"x" * 32)]])
async def test_another_key_is_one_error_that_names_it(keys: list[Key]):
    sealed = await EncryptionCodec([NEW]).encode([CLEAR])
    with pytest.raises(PlatformError, match=r"'new'.*ASSAY_PAYLOAD_KEYS") as caught:
        await EncryptionCodec(keys).decode(sealed)
    assert not caught.value.retryable


@pytest.mark.parametrize("cut", [0, 5, 12, 20, -1])
async def test_a_sealed_payload_that_was_changed_is_refused(cut: int):
    codec = EncryptionCodec([NEW])
    (sealed,) = await codec.encode([CLEAR])
    damaged = Payload(metadata=sealed.metadata, data=sealed.data[:cut])
    with pytest.raises(PlatformError):
        await codec.decode([damaged])


async def test_a_payload_moved_under_another_keys_name_is_refused():
    (sealed,) = await EncryptionCodec([NEW]).encode([CLEAR])
    sealed.metadata["encryption-key-id"] = b"old"
    with pytest.raises(PlatformError):
        await EncryptionCodec([Key("old", NEW.value)]).decode([sealed])


def test_keys_are_written_in_one_line_or_several():
    both = (NEW, OLD)
    assert parse_keys(f"{written(NEW)},{written(OLD)}") == both
    assert parse_keys(f"\n{written(NEW)}\n{written(OLD)}\n\n") == both
    assert parse_keys("  ") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c2VjcmV0", "entry 1 is not NAME:BASE64"),
        (f"{written(NEW)}, my key:x", "entry 2 is not"),
        ("k:c2VjcmV0", "k has 6 bytes and not 32"),
        ("k:$$$", "k is not base64"),
        (f"{written(NEW)},{written(NEW)}", "new stands there twice"),
    ],
)
def test_a_key_that_is_none_is_named_and_its_value_is_not(text: str, said: str):
    with pytest.raises(PlatformError, match=said) as caught:
        parse_keys(text)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert "c2VjcmV0" not in caught.value.message
