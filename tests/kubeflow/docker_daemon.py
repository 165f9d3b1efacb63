"""A Docker daemon for a test: the machine's own, or one that is installed and started on Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

OFFICIAL = "python:3.11-slim-bookworm"
INSIDE = "ca-certificates,python3,python3-pip,python3-venv,python3-dev,g++"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
WAIT_SECS = 60

Docker = Sequence[str]
"""Docker's command, with options."""


@contextmanager
def docker_daemon(directory: Path) -> Iterator[Docker]:
    """Yields the command of a Docker whose daemon answers; what was started is stopped.

    Args:
        directory: for what a daemon of ours keeps; removed in the end.
    """
    if shutil.which("docker") and _answers(["docker"]):
        yield ["docker"]
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise RuntimeError("There is no Docker daemon, and one is only started by root on Debian.")
    _install("docker.io", "debootstrap")
    docker = ["/usr/bin/docker", "-H", f"unix://{directory}/docker.sock"]
    options = ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    options += ["--storage-driver=overlay2", f"--data-root={directory}/data"]
    options += [f"--exec-root={directory}/exec", f"--pidfile={directory}/pid"]
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(
            ["/usr/sbin/dockerd", *options, *docker[1:]], stdout=log, stderr=log
        )
        try:
            _wait(docker, daemon)
            yield docker
        finally:
            daemon.terminate()
            daemon.wait(60)
            namespace = directory / "exec/netns/default"
            if namespace.exists():
                subprocess.run(["umount", str(namespace)], check=False)
            shutil.rmtree(directory / "data", ignore_errors=True)


def base_image(docker: Docker, directory: Path) -> tuple[str, dict[str, str]]:
    """Returns the image to build on, and build arguments: the official one, or where no registry is
    in reach a stand-in of Debian's packages with Debian's CPython 3.11, laid out like it.

    Args:
        docker: its command.
        directory: for the stand-in's files.
    """
    pulled = subprocess.run([*docker, "pull", OFFICIAL], capture_output=True, check=False)
    if pulled.returncode == 0:
        return OFFICIAL, {}
    root = directory / "base"
    _run("debootstrap", "--variant=minbase", f"--include={INSIDE}", "bookworm", str(root))
    (root / "usr/local/bin/python3").symlink_to("/usr/bin/python3")
    # A machine that reaches packages through a proxy may have a certificate of its own for it.
    shutil.copy(Path("/") / CERTIFICATES, root / CERTIFICATES)
    tag = "fieldmark-stand-in:bookworm"
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run([*docker, "import", "-", tag], stdin=tar.stdout, check=True)
    shutil.rmtree(root)
    return tag, {"PIP_CERT": f"/{CERTIFICATES}"}


def _answers(docker: Docker) -> bool:
    return subprocess.run([*docker, "info"], capture_output=True, check=False).returncode == 0


def _install(*packages: str) -> None:
    missing = [
        name
        for name in packages
        if subprocess.run(["dpkg", "-s", name], capture_output=True, check=False).returncode != 0
    ]
    if missing:
        _run("apt-get", "update", "-q")
        _run("apt-get", "install", "-q", "--yes", "--no-install-recommends", *missing)


def _wait(docker: Docker, daemon: subprocess.Popen[bytes]) -> None:
    for _ in range(WAIT_SECS):
        if _answers(docker):
            return
        if daemon.poll() is not None:
            break
        time.sleep(1)
    raise RuntimeError("dockerd does not answer; its log lies beside its data.")


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, env=environment)
