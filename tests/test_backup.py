"""Backups: of one moment, checked by hash, restored into an empty folder only. And what the doctor finds."""

from __future__ import annotations

import io
import sqlite3
import tarfile
import threading
from pathlib import Path

import pytest
from test_cli import run
from tiny import TinyEmbedder

from index.library import Library
from index.store import FILE as STORE
from service.answering import Answerer
from service.backup import BackupError, back_up, restore
from service.doctor import examine
from service.ledger import FILE as LEDGER
from service.ledger import Ledger

GUIDE = b"# Guide\n\nThe badge opens the door.\n\n## Hours\n\nThe office opens at nine and closes at five."


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    library = Library.create(folder, TinyEmbedder())
    library.add(GUIDE, "guide.md")
    ledger = Ledger.open(folder)
    answerer = Answerer(library)
    ledger.keep(answerer.answer("What does the badge open?"), "What does the badge open?")
    ledger.add_key("laptop", "read")
    ledger.close()
    library.close()
    return folder


def sick(index: Path) -> list[str]:
    return [f"{finding.what} | {finding.mend}" for finding in examine(index) if finding.mend]


def test_a_backup_restores_documents_answers_and_keys(index: Path, tmp_path: Path) -> None:
    assert back_up(index, tmp_path / "a.tar") == (tmp_path / "a.tar").stat().st_size
    hashes = restore(tmp_path / "a.tar", tmp_path / "restored")
    assert set(hashes) == {STORE, LEDGER}
    before, after = Library.open(index, TinyEmbedder()), Library.open(tmp_path / "restored", TinyEmbedder())
    assert after.documents() == before.documents()
    assert after.snapshot().fingerprint == before.snapshot().fingerprint
    question = "When does the office open?"
    assert Answerer(after).answer(question).citations == Answerer(before).answer(question).citations
    ledger = Ledger.open(tmp_path / "restored")
    assert [key.name for key, _ in ledger.keyring().entries] == ["laptop"]
    for opened in (before, after, ledger):
        opened.close()
    assert sick(tmp_path / "restored") == []


def test_a_backup_is_of_one_moment_while_documents_come(index: Path, tmp_path: Path) -> None:
    library = Library.open(index, TinyEmbedder())
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            library.add(f"Note {number}.".encode(), "note.txt", publishing=False)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            back_up(index, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writer.join()
    library.close()
    for number in range(3):
        restore(tmp_path / f"{number}.tar", tmp_path / f"restored-{number}")
        assert [what for what in sick(tmp_path / f"restored-{number}") if "snapshot" not in what] == []


def test_nothing_is_overwritten(index: Path, tmp_path: Path) -> None:
    back_up(index, tmp_path / "a.tar")
    with pytest.raises(BackupError, match="exists: name a file that does not"):
        back_up(index, tmp_path / "a.tar")
    with pytest.raises(BackupError, match="is not an empty folder"):
        restore(tmp_path / "a.tar", index)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_is_found_and_nothing_restored(index: Path, tmp_path: Path, place: float) -> None:
    back_up(index, tmp_path / "a.tar")
    data = bytearray((tmp_path / "a.tar").read_bytes())
    with tarfile.open(tmp_path / "a.tar") as tar:
        store = tar.getmember(STORE)
    data[store.offset_data + int(store.size * place)] ^= 1
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(BackupError, match=r"is damaged: pincite\.sqlite has the hash"):
        restore(tmp_path / "a.tar", tmp_path / "restored")
    assert list((tmp_path / "restored").iterdir()) == []


@pytest.mark.parametrize("length", [0, 100, 1500, 20_000])
def test_a_truncated_backup_is_refused(index: Path, tmp_path: Path, length: int) -> None:
    back_up(index, tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:length])
    with pytest.raises(BackupError):
        restore(tmp_path / "a.tar", tmp_path / "restored")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "other.sqlite"])
def test_row_28_a_backup_with_other_members_writes_nothing(tmp_path: Path, name: str) -> None:
    manifest = f'{{"format": 1, "files": {{"{name}": "00"}}}}'.encode()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for member, data in (("manifest.json", manifest), (name, b"evil")):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(BackupError, match="was not made by Pincite"):
        restore(tmp_path / "a.tar", tmp_path / "restored")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar"]


def test_a_sound_index_has_no_findings(index: Path) -> None:
    assert sick(index) == []
    assert any(
        "spans of 1 documents looked up in their sources, 0 wrong" in each.what for each in examine(index)
    )


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(index: Path, tmp_path: Path) -> None:
    assert "name another folder" in sick(tmp_path / "nowhere")[0]
    snapshot = next(
        path for path in (index / "snapshots").rglob("*") if path.is_file() and path.stat().st_size
    )
    snapshot.write_bytes(b"x")
    assert any("1 missing or altered | nothing to do: the next start" in what for what in sick(index))
    with sqlite3.connect(index / STORE) as connection:
        connection.execute("UPDATE documents SET characters = characters + 1")
    connection.close()
    assert any("characters instead of" in what for what in sick(index))
    (index / LEDGER).write_bytes(b"no database, but long enough to be looked at" * 50)
    assert any("move" in what and "ledger.sqlite is damaged" in what for what in sick(index))


def test_row_42_a_store_that_is_cut_off_is_named(index: Path) -> None:
    data = (index / STORE).read_bytes()
    (index / STORE).write_bytes(data[: len(data) // 2])
    assert "restore a backup into a new folder" in sick(index)[-1]


def test_the_commands(index: Path, tmp_path: Path) -> None:
    assert run("backup", tmp_path / "a.tar", "--index", index).returncode == 0
    assert run("backup", tmp_path / "a.tar", "--index", index).returncode == 2
    assert run("backup", tmp_path / "b.tar", "--index", tmp_path / "nowhere").returncode == 3
    assert run("restore", tmp_path / "a.tar", "--index", tmp_path / "restored").returncode == 0
    well = run("doctor", "--index", tmp_path / "restored")
    assert "ok  ledger.sqlite is sound, with 1 keys" in well.stdout
    assert run("doctor", "--index", tmp_path / "nowhere").returncode == 3
