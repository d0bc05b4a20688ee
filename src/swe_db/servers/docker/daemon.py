"""The Docker daemon, its images and its containers."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import re
import socket
import tarfile
import threading
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.endpoint import knock, socket_path
from swe_db.servers.docker.plan import SHARED_MEMORY, Image, Plan

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

__all__ = ["HOST", "KEPT", "PLACE", "RUN", "SPACE", "Daemon", "daemon", "explained"]

ANSWER_TIMEOUT: Final = 5.0  # seconds: for a daemon that is there
SIGN_TIMEOUT: Final = 5.0  # seconds without a sign of the image's registry
WORK_TIMEOUT: Final = 60.0  # seconds to make, start or remove a container, or without progress of a pull
# Labels of containers: the run that it belongs to, or the content by which later runs find it; where the run's
# workers meet, on which machine, and where there its processes can be seen.
RUN: Final = "swe-db.run"
KEPT: Final = "swe-db.kept"
PLACE: Final = "swe-db.directory"
HOST: Final = "swe-db.host"
SPACE: Final = "swe-db.processes"
LOOPBACK: Final = "127.0.0.1"
ENDED: Final = ("exited", "dead", "removing")
UNKNOWN_PAGE: Final = ("not found", "page not found")  # what Podman says, which cannot ask a registry
GONE: Final = (404, 409)  # removed, or being removed, by somebody else


@contextlib.contextmanager
def daemon() -> Iterator[Daemon]:
    """Connect to the daemon of DOCKER_HOST, of the current context, or of a socket in its usual places.

    Raises:
        BackendUnavailable: There is none, it does not answer, or we may not talk to it.
    """
    path = socket_path()
    if path is not None:
        knock(path)
    client = _client(path)
    try:
        yield Daemon(client)
    finally:
        client.client.close()


def _client(path: Path | None) -> Any:  # noqa: ANN401 - testcontainers' DockerClient, whose types differ by version
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what old versions say at import is not the user's business
            import docker  # noqa: F401, PLC0415 - 60 ms that a run without a daemon need not pay
            from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415
    except (ImportError, RuntimeError) as error:
        raise BackendUnavailable(f"testcontainers cannot be imported: {error}", "pip install testcontainers") from None
    environment = dict(os.environ) if path is None else {**os.environ, "DOCKER_HOST": f"unix://{path}"}
    with explained("the Docker daemon does not answer", "check `docker version`"):
        return DockerClient(timeout=ANSWER_TIMEOUT, environment=environment)


@contextlib.contextmanager
def explained(what: str, remedy: str) -> Iterator[None]:
    """Turn what the libraries raise into one sentence."""
    import docker  # noqa: PLC0415
    import urllib3  # noqa: PLC0415

    try:
        yield
    except (docker.errors.DockerException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise BackendUnavailable(f"{what}: {_reason(error)}", remedy) from None


def _reason(error: BaseException) -> str:
    """Return the innermost words of an exception: what the daemon said, without the libraries' wrapping."""
    words = getattr(error, "explanation", None) or str(error)
    inner = re.search(r"(?:Permission denied|Connection refused|No such file or directory|timed out)", words)
    return str(inner[0] if inner and "HTTPConnection" in words else words).strip()


def _next(messages: queue.SimpleQueue[Any], patience: float) -> Any:  # noqa: ANN401 - what was put in
    try:
        return messages.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError("timed out") from None


class Daemon:
    """A daemon that answers.

    Args:
        client: testcontainers' DockerClient.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401
        self._testcontainers = client
        self.client: docker.DockerClient = client.client
        self.client.api.timeout = WORK_TIMEOUT

    @cached_property
    def host(self) -> str:
        """Where the ports that it publishes can be reached."""
        host = str(self._testcontainers.host())
        return LOOPBACK if host == "localhost" or self._runs_beside_us() else host

    @property
    def _is_local(self) -> bool:
        return str(self.client.api.base_url).startswith("http+docker://")

    def _runs_beside_us(self) -> bool:
        """Tell whether the daemon of a local socket shares our network, which testcontainers denies in a container."""
        import docker  # noqa: PLC0415

        if not self._is_local:
            return False
        try:
            (network, *_) = self.client.networks.get("bridge").attrs["IPAM"]["Config"]
            with socket.socket() as probe:
                probe.bind((network["Gateway"], 0))
        except (docker.errors.DockerException, OSError, LookupError, ValueError):
            return False
        return True

    @property
    def _interface(self) -> str:
        """The address to publish on: this machine only, or where a daemon elsewhere can be reached at all."""
        return self.host if self._is_local else ""

    def image(self, name: str) -> Image | None:
        """Return an image of this daemon, None if it would have to be pulled.

        Raises:
            BackendUnavailable: The daemon cannot say.
        """
        import docker  # noqa: PLC0415

        with explained(f"looking for the image {name} failed", "check the image's name"):
            try:
                image = self.client.images.get(name)
            except docker.errors.ImageNotFound:
                return None
        config = image.attrs["Config"] or {}
        pairs = [pair.partition("=") for pair in config.get("Env") or ()]
        return Image(name, str(image.id), {key: value for key, _, value in pairs}, tuple(config.get("Volumes") or ()))

    def check_registry(self, name: str) -> None:
        """Ask the image's registry whether it has the image for us.

        Raises:
            BackendUnavailable: It has not, or cannot be reached.
        """
        import docker  # noqa: PLC0415

        with self._pulling(name):
            try:
                self.client.api.inspect_distribution(name)
            except docker.errors.APIError as error:
                if str(error.explanation).strip().lower() not in UNKNOWN_PAGE:
                    raise

    def pull(self, name: str) -> Image:
        """Fetch an image.

        Raises:
            BackendUnavailable: It cannot be had, or nothing comes.
        """
        with self._pulling(name):
            for message in self._progress(name):
                if "error" in message:
                    raise OSError(message["error"])
        image = self.image(name)
        if image is None:
            raise BackendUnavailable(f"the image {name} was pulled and is not there", f"docker pull {name}")
        return image

    def _progress(self, name: str) -> Iterator[dict[str, Any]]:
        """Pull an image and yield the daemon's messages, read in a thread: docker waits for them without an end."""
        from docker.utils import parse_repository_tag  # noqa: PLC0415

        repository, tag = parse_repository_tag(name)
        messages: queue.SimpleQueue[dict[str, Any] | Exception | None] = queue.SimpleQueue()

        def read() -> None:
            try:
                for message in self.client.api.pull(repository, tag or "latest", stream=True, decode=True):
                    messages.put(message)
                messages.put(None)
            except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
                messages.put(error)

        threading.Thread(target=read, name="swe-db-pull", daemon=True).start()
        patience = SIGN_TIMEOUT
        while (message := _next(messages, patience)) is not None:
            if isinstance(message, Exception):
                raise message
            yield message
            patience = WORK_TIMEOUT

    @contextlib.contextmanager
    def _pulling(self, name: str) -> Iterator[None]:
        self.client.api.timeout = SIGN_TIMEOUT
        remedy = f"docker pull {name}, or name an image that is there"
        with explained(f"the image {name} is not here and cannot be pulled", remedy):
            yield
        self.client.api.timeout = WORK_TIMEOUT

    def ask(self, image: Image, program: str, *arguments: str) -> str:
        """Return what a program of an image writes.

        Raises:
            BackendUnavailable: The image does not have it, or it fails.
        """
        with explained(f"the image {image.name} does not run {program}", f"name an image that has {program}"):
            container = self.client.containers.create(
                image.name, list(arguments), entrypoint=program, network_disabled=True
            )
            try:
                container.start()
                container.wait()
                return str(container.logs().decode(errors="replace"))
            finally:
                container.remove(force=True, v=True)

    def create(self, plan: Plan) -> Container:
        """Make a container whose data lie in memory or a volume, and whose port is published to this machine only.

        Raises:
            BackendUnavailable: The daemon refuses.
        """
        declared = tuple(plan.image.volumes)
        home = next((volume for volume in declared if Path(plan.data).is_relative_to(volume)), plan.data)
        volumes = dict.fromkeys((*declared, home))
        with explained(f"no container of {plan.image.name} could be made", "see the daemon's words above"):
            return self.client.containers.create(
                plan.image.name,
                list(plan.command),
                environment=dict(plan.environment),
                labels=dict(plan.labels),
                name=plan.name,
                ports={f"{plan.port}/tcp": (self._interface, plan.host_port) if plan.host_port else (self._interface,)},
                tmpfs={volume: "" for volume in volumes if plan.volume is None or volume != home},
                volumes={plan.volume: {"bind": home, "mode": "rw"}} if plan.volume else {},
                shm_size=SHARED_MEMORY if plan.volume else None,
            )

    def stop(self, container: Container, patience: int) -> None:
        """End a container's server in an orderly way, or after so many seconds in a rough one.

        Raises:
            BackendUnavailable: The daemon cannot.
        """
        self.client.api.timeout = patience + WORK_TIMEOUT
        with explained("a container could not be stopped", f"docker stop {container.name}"):
            container.stop(timeout=patience)
        self.client.api.timeout = WORK_TIMEOUT

    def put_file(self, container: Container, name: str, text: str) -> None:
        """Write a file into the root directory of a container that has not started.

        Raises:
            BackendUnavailable: The daemon cannot.
        """
        content = text.encode()
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(entry, io.BytesIO(content))
        with explained(f"{name} could not be written into the container", "see the daemon's words above"):
            container.put_archive("/", archive.getvalue())

    def start(self, container: Container, port: int) -> int | None:
        """Start a container and return where its port is published, None if it has already ended.

        Raises:
            BackendUnavailable: The daemon cannot start it.
        """
        with explained("the container could not be started", "see the daemon's words above"):
            container.start()
            container.reload()
        bindings = container.ports.get(f"{port}/tcp")
        return int(bindings[0]["HostPort"]) if bindings else None

    def container(self, identity: str) -> Container | None:
        """Return a container, None if there is none of this identity.

        Raises:
            BackendUnavailable: The daemon cannot say.
        """
        import docker  # noqa: PLC0415

        with explained("the daemon does not show a container", "check `docker ps`"):
            try:
                return self.client.containers.get(identity)
            except docker.errors.NotFound:
                return None

    def has_ended(self, container: Container) -> bool:
        """Tell whether a container that was started does not run any more."""
        with explained("the container has gone", "see the daemon's own log"):
            container.reload()
        return container.status in ENDED

    def log_tail(self, container: Container, lines: int) -> str:
        """Return the last lines that a container wrote, indented."""
        with explained("the container's log cannot be read", "see `docker logs`"):
            text = container.logs(tail=lines).decode(errors="replace").strip()
        return "\n".join(f"    {line}" for line in text.splitlines()) or "    (nothing)"

    def read_file(self, container: Container, name: str) -> str | None:
        """Return the text of a file in the root directory of a container, None if there is none.

        Raises:
            BackendUnavailable: The daemon cannot.
        """
        import docker  # noqa: PLC0415

        with explained(f"{name} could not be read from the container", f"docker rm -fv {container.name}"):
            try:
                chunks, _ = container.get_archive(f"/{name}")
            except docker.errors.NotFound:
                return None
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
                entry = tar.extractfile(name)
                return entry.read().decode() if entry else None

    def find(self, label: str, value: str | None = None) -> list[Container]:
        """Return the containers, running or not, that carry a label, with this value if one is given.

        Raises:
            BackendUnavailable: The daemon cannot say.
        """
        wanted = label if value is None else f"{label}={value}"
        with explained("the daemon does not list its containers", "check `docker ps`"):
            found: list[Container] = self.client.containers.list(
                all=True, filters={"label": wanted}, ignore_removed=True
            )
        return found

    def discard(self, container: Container) -> None:
        """End and remove a container, volumes included, or leave that to whoever is already at it.

        Raises:
            BackendUnavailable: The daemon cannot.
        """
        import docker  # noqa: PLC0415

        with explained("a container could not be removed", f"docker rm -fv {container.name}"):
            try:
                container.remove(force=True, v=True)
            except docker.errors.APIError as error:
                if error.status_code not in GONE:
                    raise

    def remove(self, label: str, value: str) -> int:
        """Discard the containers with this label and return how many there were.

        Raises:
            BackendUnavailable: The daemon cannot.
        """
        found = self.find(label, value)
        for container in found:
            self.discard(container)
        return len(found)
