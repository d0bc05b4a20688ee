"""URLs are read, or refused with words that help; no password is ever seen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from swe_db.errors import ConfigError
from swe_db.redis.client import AsyncRedisClient, RedisClient, TLSConfig, aget_redis_client, get_redis_client
from swe_db.redis.connection.address import Address

SECRET = "p@ss:w/rd"
ENCODED = "p%40ss%3Aw%2Frd"


def test_urls_name_where_redis_is_and_who_asks() -> None:
    """Each kind of URL is read into its parts, with the usual ports where it has none."""
    assert Address.parse(f"redis://bob:{ENCODED}@db.example/3") == Address(
        scheme="redis", nodes=(("db.example", 6379),), db=3, username="bob", password=SECRET
    )
    assert Address.parse("rediss://[::1]:7000").nodes == (("::1", 7000),)
    assert Address.parse(f"unix://:{ENCODED}@/run/a%20b.sock?db=2") == Address(
        scheme="unix", socket="/run/a b.sock", db=2, password=SECRET
    )
    assert Address.parse(f"rediss+sentinel://:{ENCODED}@a,b:7/main/4?sentinel_password=x") == Address(
        scheme="rediss+sentinel",
        nodes=(("a", 26379), ("b", 7)),
        service="main",
        db=4,
        password=SECRET,
        sentinel_password="x",
    )
    assert Address.parse("redis+cluster://a:1,b?client_name=me") == Address(
        scheme="redis+cluster", nodes=(("a", 1), ("b", 6379)), options=(("client_name", "me"),)
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:6379", "begins with none of redis://, rediss://"),
        ("http://localhost", "begins with none of"),
        (f"redis://:{SECRET}@host", r"percent-encoded: write it as redis://:PASSWORD@host:6379/0"),
        ("redis://", "a host or a port that makes no sense"),
        ("redis://host:port", "a host or a port that makes no sense"),
        ("redis://host:70000", "a host or a port that makes no sense"),
        ("redis://a,b", "more than one host"),
        ("redis://host/first", "the number of a logical database"),
        ("redis://host?db=first", "a parameter that redis-py refuses"),
        ("redis://host?colour=red", "parameter 'colour', which redis-py"),
        ("redis://host?ssl_ca_certs=/ca.pem", "parameter 'ssl_ca_certs', which redis-py"),
        ("redis://host?protocol=7", "a parameter that is refused: protocol"),
        ("redis://host?timeout=soon", "timeout"),
        ("redis://host?max_connections=0", "max_connections is 0"),
        ("unix://host/a.sock", "names no path of a socket, or a host before it"),
        ("unix://", "names no path of a socket"),
        ("redis+sentinel://a,b", "does not name the service"),
        ("redis+sentinel://a/main/x", "the number of a logical database"),
        ("redis+cluster://a/1", "a cluster has only 0"),
    ],
)
@pytest.mark.parametrize("kind", [RedisClient, AsyncRedisClient])
def test_a_url_that_makes_no_sense_is_refused(kind: Any, url: str, message: str) -> None:
    """The error says what is wrong and what to write instead, and does not repeat the password."""
    with pytest.raises(ConfigError, match=message) as caught:
        kind(url)
    assert "w/rd" not in str(caught.value)
    assert "p@ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_connections": 0}, "max_connections is 0: give a whole number, 1 or more"),
        ({"retries": -1}, "retries is -1"),
        ({"retries": True}, "retries is True"),
        ({"pool_timeout": 0}, "pool_timeout is 0: give a number of seconds above 0"),
        ({"socket_timeout": "5"}, "socket_timeout is '5'"),
        ({"health_check_interval": -1}, "health_check_interval is -1"),
        ({"tls": TLSConfig()}, "asks for no encryption: begin it with rediss"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    """The error names the option and says what to give."""
    with pytest.raises(ConfigError, match=message):
        RedisClient("redis://host", **options)


def test_certificates_must_be_there(tmp_path: Path) -> None:
    """A file that is missing is found when the configuration is made, not when a connection fails."""
    with pytest.raises(ConfigError, match=r"ca is '/nowhere/ca\.pem', and there is no such file"):
        TLSConfig(ca="/nowhere/ca.pem")
    certificate = tmp_path / "a.crt"
    certificate.touch()
    with pytest.raises(ConfigError, match="cert and key go together"):
        TLSConfig(cert=certificate)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://bob:{ENCODED}@host", "redis://bob@host:6379/0"),
        (f"unix://:{ENCODED}@/a.sock", "unix:///a.sock?db=0"),
        (f"redis://host?password={ENCODED}", "redis://host:6379/0"),
        (
            f"redis+sentinel://:{ENCODED}@a,[::1]:7/main?sentinel_password={ENCODED}",
            "redis+sentinel://a:26379,[::1]:7/main/0",
        ),
        (f"rediss+cluster://bob:{ENCODED}@a,b", "rediss+cluster://bob@a:6379,b:6379"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    """What a client is called in logs tells where it leads, and no password; nor do its settings."""
    for kind in (RedisClient, AsyncRedisClient):
        client = kind(url)
        assert repr(client) == f"{kind.__name__}('{shown}')"
        assert SECRET not in repr(client.settings)
        assert SECRET not in repr(vars(client))


def test_the_query_goes_before_the_arguments() -> None:
    """What a URL says of connections holds against the arguments, as in redis-py."""
    url = "redis://host?socket_timeout=7&max_connections=3&timeout=2.5&health_check_interval=9"
    settings = RedisClient(url, max_connections=50, socket_timeout=1).settings
    assert (settings.max_connections, settings.pool_timeout) == (3, 2.5)
    assert (settings.options["socket_timeout"], settings.options["health_check_interval"]) == (7, 9)


def test_nothing_waits_for_ever_by_default() -> None:
    """Replies and connections have a time-out, which old versions of redis-py do not have by themselves."""
    options = RedisClient("redis://host").settings.options
    assert options["socket_timeout"] == options["socket_connect_timeout"] == 5
    assert RedisClient("redis://host", socket_timeout=None).settings.options["socket_timeout"] is None


def test_a_certificate_is_verified_by_default() -> None:
    """A URL with TLS asks for a certificate with the host's name, which old versions of redis-py do not look at."""
    for url in ("rediss://host", "rediss+sentinel://host/main", "rediss+cluster://host"):
        options = RedisClient(url).settings.options
        assert options["ssl_cert_reqs"] == "required"
        assert options["ssl_check_hostname"] is True


def test_the_default_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a URL it is REDIS_URL's, and where there is none the error says how to name one."""
    monkeypatch.setenv("REDIS_URL", "redis://host/7")
    assert get_redis_client() is get_redis_client("redis://host/7")
    assert aget_redis_client().settings.address.db == 7
    monkeypatch.delenv("REDIS_URL")
    for take in (get_redis_client, aget_redis_client):
        with pytest.raises(ConfigError, match="set the environment variable REDIS_URL"):
            take()


def test_clients_with_equal_settings_are_one() -> None:
    """The process has one client for a URL and options, however they are written; and one for asyncio."""
    one = get_redis_client("redis://one", pool_timeout=2)
    assert get_redis_client("redis://one:6379/0", pool_timeout=timedelta(seconds=2)) is one
    assert get_redis_client("redis://one", pool_timeout=3) is not one
    assert get_redis_client("redis://:a@one", pool_timeout=2) is not one
    assert isinstance(aget_redis_client("redis://one", pool_timeout=2), AsyncRedisClient)
    assert aget_redis_client("redis://one") is aget_redis_client("redis://one")
    lists = "redis://one?retry_on_error=a"
    assert get_redis_client(lists) is get_redis_client(lists)
