"""Sources that archives brought, in a backup: links, hidden files and modes belong to an app."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from contract.backup import IMPORTED
from contract.errors import ErrorCode, PlatformError

_SUFFIX = ".tar"


def pack_imported(data_dir: Path, place: Path) -> Iterator[tuple[str, Path]]:
    """A tar file for each pipeline of `rerun`, with its name in the backup; all have one path.

    Args:
        data_dir: the data folder.
        place: for the tar file on its way.

    Raises:
        OSError: it cannot be read, or the disk not written.
    """
    for folder in sorted((data_dir / IMPORTED).glob("*")):
        if not folder.is_dir():
            continue
        packed = place / f"{IMPORTED}{_SUFFIX}"
        with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(folder, folder.name)
        yield f"{IMPORTED}/{folder.name}{_SUFFIX}", packed


def unpack_imported(staging: Path) -> None:
    """Put the sources that were written below `staging` in their folders; the tar files go.

    Raises:
        PlatformError: DATA_LOSS: one holds something else.
    """
    for packed in sorted((staging / IMPORTED).glob(f"*{_SUFFIX}")):
        try:
            with tarfile.open(packed, "r:") as tar:
                tar.extractall(packed.parent, filter="data")
        except (tarfile.TarError, ValueError, RecursionError) as error:
            message = f"{IMPORTED}/{packed.name} of the backup cannot be unpacked: {error}"
            raise PlatformError(ErrorCode.DATA_LOSS, message) from error
        packed.unlink()
