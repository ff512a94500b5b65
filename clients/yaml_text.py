"""YAML as people write it: safe types, no key twice, and a key that reads `on` is the word `on`."""

from typing import Any

import yaml
from yaml.composer import ComposerError

_BOOL, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class AuthoredLoader(yaml.SafeLoader):
    """YAML's safe types; a key written twice is an error, where YAML takes the last.

    PyYAML reads YAML 1.1, in which the keys `on`, `off`, `yes` and `no` are truth values. No field
    of ours is named by one, so a key is the text that was written, as in YAML 1.2.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping whose keys, as written, are all different."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if key.tag == _BOOL:
                key.tag = _TEXT
            name = (key.tag, str(key.value))
            if name in seen:
                problem = f"{key.value!r} is written twice"
                raise ComposerError(None, None, problem, key.start_mark)
            seen.add(name)
        return node
