"""Where `--output` writes: files, links, pipes, devices, standard output."""

import os
from pathlib import Path

import pytest

from mentorcert.cli.output_file import STANDARD_OUTPUT, write_output
from mentorcert.errors import InvalidInputError
from tests.support.processes import Thread


def test_a_file_is_replaced_and_nobody_elses_to_read(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    write_output(b"new", file)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed(tmp_path: Path) -> None:
    file, link = tmp_path / "there" / "out.csv", tmp_path / "link"
    file.parent.mkdir()
    file.write_text("old")
    link.symlink_to(file)
    write_output(b"new", link)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    file.unlink()
    write_output(b"newer", link)  # which points to nothing
    assert link.is_symlink()
    assert file.read_bytes() == b"newer"


def test_a_device_stays_a_device() -> None:
    write_output(b"new", Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = b"x" * 300_000  # more than a pipe holds
    writing = Thread(target=write_output, args=(content, pipe))
    writing.start()
    assert pipe.read_bytes() == content
    writing.join(10)
    assert pipe.is_fifo()


def test_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_output(b"PK\x00\xff", STANDARD_OUTPUT)
    assert capfdbinary.readouterr().out == b"PK\x00\xff"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mentors.csv"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InvalidInputError, match="full"):
        write_output(b"new", file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mentors.csv", "old")]


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(InvalidInputError, match="one cannot be written"):
        write_output(b"new", one)
