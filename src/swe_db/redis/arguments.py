"""Arguments of the managers: refused with a message that names them, before anything is sent."""

from __future__ import annotations

from swe_db.errors import ConfigError

__all__ = ["one_of", "text", "whole"]


def text(value: object, name: str) -> str:
    """Return text that can be part of a key.

    Args:
        value: What was given.
        name: What it is called in the message.

    Raises:
        ConfigError: It is no text, or empty, or cannot be sent.
    """
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} is {value!r}: give text that is not empty")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(f"{name} is {value!r}: it has half a character, which cannot be sent")
    return value


def whole(value: object, name: str, *, least: int) -> int:
    """Return a whole number that is not below `least`; the rest is as in `text`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is {value!r}: give a whole number from {least} on")
    return value


def one_of(value: object, name: str, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices; the rest is as in `text`."""
    if value not in choices:
        raise ConfigError(f"{name} is {value!r}: give one of {', '.join(choices)}")
