"""What belongs to which statement is told by the messages alone, wherever the network cut them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from swe_db.faults import PostgresProxy
from swe_db.faults.postgres_proxy import PostgresLink
from swe_db.servers.address import PostgresAddress

NOWHERE = PostgresAddress(host="127.0.0.1", port=1, user="u", password="", name="d")
READY = b"Z\0\0\0\5I"


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return a message with its length."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


START = message(b"", (80877103).to_bytes(4, "big")) + message(b"", (196608).to_bytes(4, "big") + b"user\0u\0\0")
EXTENDED_COPY = b"".join(
    [message(b"P", b"\0COPY t FROM STDIN\0\0\0"), message(b"B", b"\0\0\0\0\0\0\0\0"), message(b"E", b"\0\0\0\0\0")]
) + message(b"S")
ROWS = message(b"d", b"1\n") + message(b"c") + message(b"S")
ANSWER = message(b"T", b"\0\1") + message(b"D", b"\0\1row") + message(b"C", b"SELECT 1\0") + READY


@pytest.fixture
def proxy() -> Iterator[PostgresProxy]:
    """A proxy before no server, for what it is asked of statements."""
    with PostgresProxy(NOWHERE) as proxy:
        yield proxy


@pytest.fixture
def link(proxy: PostgresProxy) -> PostgresLink:
    """A client's connection without a network, that has begun."""
    writer = SimpleNamespace(transport=SimpleNamespace(set_write_buffer_limits=lambda high: None))
    link = PostgresLink(proxy, cast("Any", None), cast("Any", writer))
    assert link.requests(START[:8]) + link.requests(START[8:]) == START
    begin = b"N" + message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\1\0\0\0\2") + READY
    assert link.replies(begin) == begin
    return link


def given(link: PostgresLink, stream: bytes, size: int) -> bytes:
    """Return what the client is given of what the server sends in pieces."""
    return b"".join(link.replies(stream[begin : begin + size]) for begin in range(0, len(stream), size))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_copy_by_the_extended_protocol_is_one_statement(proxy: PostgresProxy, link: PostgresLink, size: int) -> None:
    """The server passes over the first of its two Syncs; what comes after it is told apart all the same."""
    proxy.drop_replies("SELECT 7")
    link.requests(EXTENDED_COPY)
    begun = message(b"1") + message(b"2") + message(b"G", b"\0\0\0")
    assert given(link, begun, size) == begun
    link.requests(ROWS)
    link.requests(message(b"Q", b"SELECT 6\0") + message(b"Q", b"SELECT 7\0"))
    done = message(b"C", b"COPY 1\0") + READY + ANSWER
    assert given(link, done, size) == done
    busy = [link.is_busy]
    assert given(link, ANSWER, size) == b""
    assert [*busy, link.is_busy] == [True, False]
    assert proxy.statements == ["COPY t FROM STDIN", "SELECT 6", "SELECT 7"]


@pytest.mark.parametrize("size", [1, 1000])
def test_some_bytes_of_a_reply_pass(proxy: PostgresProxy, link: PostgresLink, size: int) -> None:
    """So many as were asked for, and none after them."""
    proxy.cut("SELECT", after=9)
    link.requests(message(b"Q", b"SELECT 7\0"))
    assert given(link, ANSWER, size) == ANSWER[:9]


def test_what_is_encrypted_passes_unread(proxy: PostgresProxy, link: PostgresLink) -> None:
    """After a yes to TLS nothing is looked at any more."""
    writer = SimpleNamespace(transport=SimpleNamespace(set_write_buffer_limits=lambda high: None))
    link = PostgresLink(proxy, cast("Any", None), cast("Any", writer))
    link.requests(START[:8])
    assert link.replies(b"S") == b"S"
    for secret in (b"\x16\x03\x01", b"anything", b"Z\0\0\0\5I"):
        assert link.requests(secret) == secret
        assert link.replies(secret) == secret
    assert proxy.statements == []
