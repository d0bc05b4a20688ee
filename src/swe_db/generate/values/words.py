"""The words that texts are put together from: `words.toml`, beside this file."""

from __future__ import annotations

import importlib.resources
import tomllib
from typing import Any, Final, NamedTuple

__all__ = [
    "ACCEPTANCE",
    "AGENT_KINDS",
    "AGENT_REMARKS",
    "CHANGES",
    "CIRCUMSTANCES",
    "COMPONENTS",
    "DEFECTS",
    "DOMAINS",
    "FAILURES",
    "FILES",
    "FIRST_NAMES",
    "LABELS",
    "LAST_NAMES",
    "MODELS",
    "PRODUCTS",
    "PRODUCT_KINDS",
    "PURPOSES",
    "REASONS",
    "RELATIONS",
    "REMARKS",
    "SOURCES",
    "STEPS",
    "TAGS",
    "TEAMS",
    "TITLES",
    "USER_AGENTS",
    "AgentKind",
    "Failure",
    "File",
    "Model",
    "Relation",
    "Source",
    "Title",
]


class Title(NamedTuple):
    """What somebody is."""

    level: str
    title: str


class File(NamedTuple):
    """What may be attached to a task."""

    name: str
    ending: str
    media_type: str


class AgentKind(NamedTuple):
    """A type of agents; `share` is of a hundred."""

    type: str
    title: str
    share: int
    capabilities: tuple[str, ...]


class Model(NamedTuple):
    """A language model; `read` and `write` are the prices of a million tokens, in US dollars."""

    provider: str
    name: str
    read: int
    write: int


class Failure(NamedTuple):
    """How a run may fail."""

    type: str
    message: str


class Source(NamedTuple):
    """A kind of evidence: a title around a number, a content, who says it, how it is believed and verified.

    `lowest` and `highest` are in ten-thousandths.
    """

    type: str
    before: str
    after: str
    content: str
    host: str
    name: str
    lowest: int
    highest: int
    method: str


class Relation(NamedTuple):
    """What one piece of evidence is to another; `share` is of a hundred."""

    name: str
    share: int


def _load() -> dict[str, Any]:
    path = importlib.resources.files("swe_db.generate.values") / "words.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


_WORDS: Final = _load()


def _texts(name: str) -> tuple[str, ...]:
    return tuple(_WORDS[name])


FIRST_NAMES: Final = _texts("first_names")
LAST_NAMES: Final = _texts("last_names")
DOMAINS: Final = _texts("domains")
TEAMS: Final = _texts("teams")
PRODUCTS: Final = _texts("products")
PRODUCT_KINDS: Final = _texts("product_kinds")
PURPOSES: Final = _texts("purposes")
TAGS: Final = _texts("tags")
COMPONENTS: Final = _texts("components")
DEFECTS: Final = _texts("defects")
CHANGES: Final = _texts("changes")
CIRCUMSTANCES: Final = _texts("circumstances")
REASONS: Final = _texts("reasons")
STEPS: Final = _texts("steps")
ACCEPTANCE: Final = _texts("acceptance")
LABELS: Final = _texts("labels")
REMARKS: Final = _texts("remarks")
AGENT_REMARKS: Final = _texts("agent_remarks")
USER_AGENTS: Final = _texts("user_agents")
TITLES: Final = tuple(Title(**one) for one in _WORDS["titles"])
FILES: Final = tuple(File(**one) for one in _WORDS["files"])
AGENT_KINDS: Final = tuple(
    AgentKind(one["type"], one["title"], one["share"], tuple(one["capabilities"])) for one in _WORDS["agent_kinds"]
)
MODELS: Final = tuple(Model(**one) for one in _WORDS["models"])
FAILURES: Final = tuple(Failure(**one) for one in _WORDS["failures"])
SOURCES: Final = tuple(Source(**one) for one in _WORDS["sources"])
RELATIONS: Final = tuple(Relation(**one) for one in _WORDS["relations"])
