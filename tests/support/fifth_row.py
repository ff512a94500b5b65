"""A fifth analyzer by one more row of the table: `python -m tests.support.fifth_row FOLDER`.

The row is put into the source of `contract/analyzers.py` before anything reads it, and nothing else
of the product is changed. Then one app goes through everything: see `fifth_pipeline.py`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

TABLE = Path(__file__).parents[2] / "contract" / "analyzers.py"
ROW = """
    FIFTH = (
        "fifth",
        Analyzer(
            port=2005,
            deadline_s=60.0,
            live_turn=3,
            slots=3,
            slots_max=8,
            needs=frozenset({PlatformService.ENGINE}),
            equipment="tools",
            by_default=False,
            gives_way="tools",
            looks_for=frozenset({Category.QUALITY}),
            fuses=frozenset(),
            figures="none",
            least_rate=None,
        ),
    )
"""
_AFTER_THE_ROWS = "\n    @property\n    def is_live"


class _Loader(SourceFileLoader):
    def get_data(self, path: str) -> bytes:
        if not path.endswith(".py"):
            raise OSError("no byte code of a source that is changed")
        text = super().get_data(path).decode()
        head, found, rest = text.partition(_AFTER_THE_ROWS)
        assert found, "the rows of the table end elsewhere"
        return (head + ROW + found + rest).encode()


class _Finder(MetaPathFinder):
    """Also for the sandbox of workflows, which imports modules of its own."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "contract.analyzers":
            return None
        return spec_from_file_location(fullname, TABLE, loader=_Loader(fullname, str(TABLE)))


if __name__ == "__main__":
    sys.meta_path.insert(0, _Finder())
    import_module("tests.support.fifth_pipeline").main(Path(sys.argv[1]))
