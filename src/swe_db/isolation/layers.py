"""Seed layers: what only some tests begin with, loaded once and kept as a template of its own above the base.

A layer is a template like the base: its name carries a hash of the base's name and of its own content, so that another
content is another layer, and it gets the name only when it is complete. What stands above a base that this run alone
has (a callable was loaded into it) is this run's alone too.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from swe_db.errors import ConfigError
from swe_db.isolation import names
from swe_db.isolation.cluster import Cluster
from swe_db.servers.connect import without_libpq_variables

__all__ = ["Layer", "Layers", "all_layers", "ensure_layer", "find_layer", "layer_facts", "layer_name"]

FORMAT: Final = 1  # raise it when layers are built in another way


@dataclasses.dataclass(frozen=True)
class Layer:
    """A seed layer.

    Attributes:
        names: The names of its seed sets, in the order in which they are applied.
        directories: Where their files are.
    """

    names: tuple[str, ...]
    directories: tuple[Path, ...]


def find_layer(wanted: str | Sequence[str], seeds: Sequence[Path]) -> Layer:
    """Return the layer that a marker names.

    Args:
        wanted: The name of a seed set, or several.
        seeds: The directories of seeds, whose sub-directories are the sets.

    Raises:
        ConfigError: There is no set of that name.
        MigrationFileError: A directory is not acceptable.
    """
    from swe_db.migrations import seed_sets  # noqa: PLC0415 - imports psycopg

    sets = seed_sets(_directories(seeds))
    chosen = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    for name in chosen:
        if name not in sets:
            raise ConfigError(f"there are no seeds named {name!r}: {_known(sorted(sets), seeds)}")
    return Layer(chosen, tuple(path for name in chosen for path in sets[name]))


def _known(known: Sequence[str], seeds: Sequence[Path]) -> str:
    if not seeds:
        return "a seed set is a sub-directory of a directory of seeds, and none is given: use --swe-db-seeds DIR"
    looked = ", ".join(map(str, seeds))
    found = f"there are {', '.join(known)}" if known else "there is none with .sql files"
    return f"a seed set is a sub-directory of {looked}, and {found}"


def all_layers(seeds: Sequence[Path]) -> list[Layer]:
    """Return a layer for each seed set.

    Raises:
        MigrationFileError: A directory is not acceptable.
    """
    from swe_db.migrations import seed_sets  # noqa: PLC0415

    return [Layer((name,), paths) for name, paths in sorted(seed_sets(_directories(seeds)).items())]


def layer_facts(layer: Layer) -> tuple[object, ...]:
    """Return what a layer depends on, besides its base.

    Raises:
        MigrationFileError: A file is not acceptable.
    """
    from swe_db.migrations import read_seeds  # noqa: PLC0415

    files = read_seeds(layer.directories, bundled=False)
    return (FORMAT, *((file.name, file.checksum) for file in files))


def layer_name(base: str, *facts: object) -> str:
    """Return the name of the template that has these facts above that base."""
    return names.template_name(hashlib.sha256(repr((base, *facts)).encode()).hexdigest())


def ensure_layer(cluster: Cluster, base: str, layer: Layer) -> str:
    """Return the name of the database with a layer above a base, built if there is none yet.

    Args:
        cluster: The databases of the server.
        base: The base: a template, or a database of this run.
        layer: The layer.

    Raises:
        MigrationError: A seed fails; nothing stays.
        IsolationError: Another run holds the lock for too long.
    """
    if not names.is_template(base):
        return _built(cluster, base, layer)
    template = layer_name(base, *layer_facts(layer))
    with cluster.lock(template):
        if not cluster.use(template):
            cluster.publish(_built(cluster, base, layer), template)
    return template


def _built(cluster: Cluster, base: str, layer: Layer) -> str:
    from swe_db.migrations import seed  # noqa: PLC0415

    scratch = names.scratch_name(cluster.run)
    cluster.clone(base, scratch)
    try:
        with without_libpq_variables():
            seed(cluster.server.admin.database(scratch).url, directories=layer.directories, bundled=False)
        cluster.rewind_sequences(scratch)
        cluster.disconnect(scratch)
    except BaseException:
        cluster.drop(scratch)
        raise
    return scratch


def _directories(paths: Sequence[Path]) -> list[Path]:
    return [path.resolve() for path in paths]


class Layers:
    """The layers of one worker.

    Args:
        cluster: The databases of the server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[tuple[str, Layer], str] = {}

    def template(self, base: str, layer: Layer | None) -> str:
        """Return what a test with this layer, or with none, begins with.

        Raises:
            MigrationError: A seed fails.
        """
        if layer is None:
            return base
        if (base, layer) not in self._known:
            self._known[base, layer] = ensure_layer(self._cluster, base, layer)
        return self._known[base, layer]

    def close(self) -> None:
        """Drop the layers that are this run's alone."""
        for name in self._known.values():
            if not names.is_template(name):
                self._cluster.drop(name)
        self._known.clear()
