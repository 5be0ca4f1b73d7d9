"""Which names a search knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from apps.core.filter_language.tree import Field, ValueType

ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class Vocabulary:
    """The fields of one search, by every spelling.

    `attributes` leads from a spelling to (key, type). `maps` leads from a prefix to (kind, type) of fields that anybody
    may name, such as params. `records` leads from a prefix to (kind, keys) of texts with fixed keys. Only fields of the
    kinds in `ordered` can be sorted by.
    """

    attributes: Mapping[str, tuple[str, ValueType]]
    maps: Mapping[str, tuple[str, ValueType]]
    records: Mapping[str, tuple[str, Collection[str]]]
    ordered: Collection[str] = (ATTRIBUTES,)
    prefixes: Collection[str] = ("attribute", "attributes", "attr")

    def field(self, names: tuple[str, ...]) -> Field:
        """The field that `prefix.key` or a bare attribute names. Raises KeyError with a sentence for people."""
        if len(names) == 1 or names[0] in self.prefixes:
            key = names[0] if len(names) == 1 else ".".join(names[1:])
            if key not in self.attributes:
                raise KeyError(f"there is no attribute '{key[:60]}'; there are {_list(self.attributes)}")
            return Field(ATTRIBUTES, *self.attributes[key])
        prefix, key = names[0], ".".join(names[1:])
        if prefix in self.maps:
            kind, kept = self.maps[prefix]
            return Field(kind, key, kept)
        if prefix in self.records:
            kind, keys = self.records[prefix]
            if key not in keys:
                raise KeyError(f"'{prefix}' has no '{key[:60]}'; it has {_list(keys)}")
            return Field(kind, key, ValueType.TEXT)
        known = sorted({ATTRIBUTES, *(kind for kind, _ in (*self.maps.values(), *self.records.values()))})
        raise KeyError(f"'{prefix[:60]}' is none of {_list(known)}")


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
