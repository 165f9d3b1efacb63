from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import COMMANDS, fieldmark


def fieldmark_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = "from pipeline.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def test_help_lists_every_command_with_a_line() -> None:
    result = CliRunner().invoke(fieldmark, ["--help"])
    assert result.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert f"{name} " in result.output
        assert line.split()[0] in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_shows_without_loading_tensorflow(name: str) -> None:
    script = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pipeline.cli import fieldmark\n"
        f"result = CliRunner().invoke(fieldmark, [{name!r}, '--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "assert 'Usage:' in result.output\n"
        "assert not {'tensorflow', 'tfx', 'cv2', 'apache_beam'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_user_error_is_one_message_and_exit_code_2(tmp_path: Path) -> None:
    result = fieldmark_command("run", "demo", "--export", str(tmp_path / "nowhere"))
    assert result.returncode == 2
    assert result.stderr.startswith("Error: The export ")
    assert "does not exist" in result.stderr
    assert "Traceback" not in result.stderr


def test_run_without_an_export_says_how_to_give_one() -> None:
    result = fieldmark_command("run", "demo")
    assert result.returncode == 2
    assert result.stderr == (
        "Error: No export to read. Give --export DIR, or export_dir in the config.\n"
    )


def test_unknown_command_is_refused() -> None:
    result = fieldmark_command("trian")
    assert result.returncode == 2
    assert "No such command 'trian'" in result.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_run_that_a_signal_ends_says_with_its_code_who_sent_it(
    number: signal.Signals, code: int
) -> None:
    """75 tells a scheduler to start the run again; 130 is the shell's after Ctrl-C."""
    script = (
        "import os, signal, time\n"
        # A shell without job control starts what runs in its background with SIGINT ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pipeline import local_run\n"
        "from pipeline.cli import fieldmark, main\n"
        "@fieldmark.command('wait')\n"
        "def wait():\n"
        "    with local_run._sigterm_as_interrupt():\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "        time.sleep(60)\n"
        "fieldmark.get_command = lambda context, name: wait\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "wait"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Give the same command again to go on." in done.stderr
