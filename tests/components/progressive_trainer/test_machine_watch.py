"""Machines that meet, one that does not come, and one that comes and then hangs."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import tiny_cluster
from tiny_cluster import ended, free_addresses, log_of, start, write_job

from components.progressive_trainer.cluster import Cluster
from components.progressive_trainer.job import ERROR_FILE, USER_ERROR_EXIT_CODE
from components.progressive_trainer.machine_watch import MachineWatch
from components.progressive_trainer.rendezvous import meet
from schemas.errors import ConfigError, FieldmarkError


def met(addresses: list[str], ranks: list[int], *, wait_secs: float = 20.0) -> dict[int, str]:
    """Lets these ranks meet, each in a thread; what each ended with, "" for a meeting."""
    outcomes: dict[int, str] = {}

    def go(rank: int) -> None:
        try:
            meet(Cluster(rank, tuple(addresses)), longest_wait_secs=wait_secs)
            outcomes[rank] = ""
        except FieldmarkError as error:
            outcomes[rank] = str(error)

    threads = [threading.Thread(target=go, args=(rank,)) for rank in ranks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_one_machine_waits_for_nobody() -> None:
    meet(Cluster(), longest_wait_secs=0.0)


def test_machines_meet_in_any_order_and_leave_the_port_free() -> None:
    addresses = free_addresses(3)
    assert met(addresses, [2, 0, 1]) == {0: "", 1: "", 2: ""}
    assert met(addresses, [0, 1, 2]) == {0: "", 1: "", 2: ""}


def test_all_are_told_who_did_not_come() -> None:
    addresses = free_addresses(3)
    message = (
        "Training on 3 machines did not begin: within 2 s (trainer.longest_wait_secs) there was no "
        f"word from {addresses[1]}. Start it with the same TF_CONFIG cluster, see that the chief's "
        "port can be reached from it, and start all of them again."
    )
    assert met(addresses, [0, 2], wait_secs=2.0) == {0: message, 2: message}


def test_chief_that_does_not_come_is_named() -> None:
    addresses = free_addresses(2)
    outcome = met(addresses, [1], wait_secs=1.0)[1]
    assert f"there was no word from {addresses[0]}." in outcome


def say_and_leave(address: str, line: bytes) -> None:
    """Connects as soon as somebody listens."""
    host, port = address.split(":")
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(line)
                return
        except ConnectionRefusedError:
            continue


def test_stranger_is_no_machine_and_one_that_left_has_to_come_again() -> None:
    addresses = free_addresses(3)
    outcomes: dict[int, str] = {}
    others = threading.Thread(target=lambda: outcomes.update(met(addresses, [0, 2])))
    others.start()
    for line in (b"GET / HTTP/1.1\r\n", b"fieldmark 7\n", b"fieldmark 1\n"):
        say_and_leave(addresses[0], line)
    others.join(timeout=2.0)
    assert others.is_alive(), outcomes

    assert met(addresses, [1]) == {1: ""}
    others.join()
    assert outcomes == {0: "", 2: ""}


def test_address_without_a_port_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must be \"host:port\". Received: 'museum-a'"):
        meet(Cluster(0, ("museum-a", "museum-b:1")), longest_wait_secs=1.0)


def test_port_that_is_taken_is_named() -> None:
    addresses = free_addresses(2)
    with socket.create_server(("", int(addresses[0].split(":")[1]))):
        assert "cannot listen at its own address" in met(addresses, [0], wait_secs=1.0)[0]


def test_steps_that_stop_coming_end_it_and_slow_ones_do_not() -> None:
    now, step, reasons = 0.0, None, []
    watch = MachineWatch(
        Cluster(0, ("a:1", "b:1")),
        longest_wait_secs=600,
        last_step=lambda: step,
        give_up=reasons.append,
        clock=lambda: now,
    )
    now = 5000.0
    watch.look()  # before the first step there is nothing to wait for
    step = 4500.0
    watch.look()
    assert reasons == []
    now = 5101.0
    watch.look()
    assert reasons == [
        "Training on 2 machines stands still: no step was taken for 601 s, and 600 s are allowed "
        "(trainer.longest_wait_secs). One of the machines hangs: look at their logs, then start "
        "all of them again to go on from the last checkpoint."
    ]


def test_process_whose_partner_never_comes_ends_and_says_whom_it_waited_for(
    tmp_path: Path,
) -> None:
    photos = tiny_cluster.write_photos(tmp_path / "photos")
    settings = tiny_cluster.job_settings(longest_wait_secs=2.0)
    job = write_job(tmp_path / "half", photos, settings)

    assert ended(start(job, workers=2, started=[0])) == [USER_ERROR_EXIT_CODE], log_of(job)

    error = (job.parent / ERROR_FILE).read_text()
    assert error.startswith("Training on 2 machines did not begin: within 2 s")


def test_machine_that_hangs_in_the_middle_ends_both(tmp_path: Path) -> None:
    photos = tiny_cluster.write_photos(tmp_path / "photos")
    settings = tiny_cluster.job_settings(longest_wait_secs=15.0)
    job = write_job(tmp_path / "hangs", photos, settings)

    codes = ended(start(job, workers=2, acts={1: "2:hang"}))

    assert codes == [USER_ERROR_EXIT_CODE] * 2, log_of(job)
    for name in ("error.txt", "error-of-worker-1.txt"):
        assert "stands still: no step was taken for" in (job.parent / name).read_text()
