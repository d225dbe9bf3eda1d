"""From the store to files and back: shared where they stay the same, never trusted when they do not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_snapshot import TEXTS, answers
from tiny import TinyEmbedder

from index import publishing
from index.library import Library
from index.publishing import publish, verify
from index.snapshot import MANIFEST, Snapshot
from index.store import Store

MORE = [f"# Note {i}\n\nTea number {i} is from China. Bees like flower {i}.".encode() for i in range(9)]


@pytest.fixture
def filled(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(publishing, "_sync", lambda _: None)  # no power fails here
    for name, text in TEXTS.items():
        library.add(text, name)
    return library


def files(folder: Path) -> list[Path]:
    (generation,) = (path for path in (folder / "snapshots").iterdir() if path.is_dir())
    return sorted(path for path in generation.rglob("*") if path.is_file() and path.suffix != ".lock")


def rebuilt(library: Library, folder: Path) -> Snapshot:
    """Return the snapshot that the same documents give when there was none before."""
    shutil.copytree(library._store.folder, folder)
    shutil.rmtree(folder / "snapshots")
    return publish(Store(folder, "tiny", 64))


def test_an_unchanged_store_is_not_copied_again(filled: Library) -> None:
    folder = filled._store.folder
    before = [(path, path.stat().st_ino) for path in files(folder)]
    assert publish(filled._store).generation == filled.snapshot().generation
    assert [(path, path.stat().st_ino) for path in files(folder)] == before


@pytest.mark.parametrize("grown", [False, True])
def test_row_41_a_damaged_snapshot_is_made_again(filled: Library, tmp_path: Path, grown: bool) -> None:
    filled.add(MORE[0], "note.md")
    expected = answers(filled.snapshot())
    base = filled._store.folder
    if not grown:
        _delete(files(base)[0])
    assert len(publish(filled._store).segments) == (2 if grown else 1)
    count = len(files(base))
    assert count > 10
    damages = (_truncate, _zero, _flip, _delete)
    for i in range(0, count, 3 if grown else 1):
        for damage in [damages[i % 4]] if grown else damages:
            copy = tmp_path / "copy"
            shutil.copytree(base, copy)
            store = Store(copy, "tiny", 64)
            damage(files(copy)[i])
            assert answers(publish(store)) == expected, f"{damage.__name__} {files(base)[i].name}"
            store.close()
            shutil.rmtree(copy)


def test_row_39_a_foreign_file_in_a_snapshot_is_not_trusted(filled: Library) -> None:
    foreign = files(filled._store.folder)[0].parent / "extra.pickle"
    foreign.write_bytes(b"\x80\x04.")
    publish(filled._store)
    assert not foreign.exists()


def test_a_new_document_leaves_the_files_of_the_others(filled: Library, tmp_path: Path) -> None:
    for text in MORE[:6]:
        filled.add(text, "note.md", publishing=False)
    filled.refresh()
    before = {path.stat().st_ino for path in files(filled._store.folder) if "segment-00" in path.parts}
    filled.add(MORE[6], "note.md")
    after = {path.stat().st_ino for path in files(filled._store.folder)}
    assert before <= after
    assert len(filled.snapshot().segments) == 2
    assert answers(filled.snapshot()) == answers(rebuilt(filled, tmp_path / "other"))


def test_a_snapshot_of_another_version_is_made_again(filled: Library) -> None:
    store = filled._store
    generation = store.generation()
    folder = store.folder / "snapshots" / str(generation)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "rows.bin").write_bytes(b"1")
    with store.publishing(generation, {"rows.bin": publishing._digest(folder / "rows.bin")}):
        pass
    assert answers(publish(store)) == answers(filled.snapshot())


def test_segments_are_few(filled: Library) -> None:
    sizes = []
    for text in MORE:
        filled.add(text, "note.md")
        sizes.append([len(segment.passages) for segment in filled.snapshot().segments])
    assert (
        sizes[-1] == [8, 2, 1]
        or sizes[-1] == [8, 3]
        or all(first >= 2 * second for first, second in zip(sizes[-1], sizes[-1][1:], strict=False))
    )
    assert sum(sizes[-1]) == len(TEXTS) + len(MORE)
    assert max(map(len, sizes)) <= 4


def test_what_was_removed_is_not_found(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_REBUILT", 0)
    for text in MORE:
        filled.add(text, "note.md", publishing=False)
    filled.refresh()
    tea = next(record for record in filled.documents() if record.title == "Tea")
    filled.remove(tea.id)
    snapshot = filled.snapshot()
    assert len(snapshot.passages) == len(TEXTS) + len(MORE), "its row is there"
    assert snapshot.passage_count == snapshot.document_count == len(TEXTS) + len(MORE) - 1
    assert tea.id not in snapshot.documents
    vector = TinyEmbedder().embed_question("green tea steamed oxidised")
    rows, _, _ = snapshot.candidates(["steam", "oxidis", "tea"], vector, 50, None)
    expected, _, _ = rebuilt(filled, tmp_path / "other").candidates(["tea"], vector, 50, None)
    assert len(rows) == len(expected) == snapshot.passage_count
    assert snapshot.fingerprint == rebuilt(filled, tmp_path / "another").fingerprint


def test_a_replaced_document_has_its_new_text_only(filled: Library) -> None:
    filled.add(b"The old teapot.", "pot.txt", origin="pot")
    filled.add(b"The new kettle.", "pot.txt", origin="pot")
    snapshot = filled.snapshot()
    assert len(snapshot.passage_words.search(["teapot"], 5)[0]) == 0
    assert len(snapshot.passage_words.search(["kettl"], 5)[0]) == 1


def test_rows_of_removed_documents_do_not_pile_up(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_REBUILT", 0)
    for text in MORE:
        filled.add(text, "note.md", publishing=False)
    filled.refresh()
    for record in filled.documents()[:6]:
        filled.remove(record.id)
        snapshot = filled.snapshot()
        assert len(snapshot.passages) - snapshot.passage_count <= 0.2 * len(snapshot.passages)


@pytest.mark.parametrize("touched", [False, True])
def test_a_large_snapshot_is_trusted_until_a_file_of_it_changes(
    filled: Library, monkeypatch: pytest.MonkeyPatch, touched: bool
) -> None:
    monkeypatch.setattr(publishing, "TRUSTED_BYTES", 0)
    hashed: list[Path] = []
    digest: Callable[[Path], str] = publishing._digest
    filled.add(MORE[0], "note.md")
    monkeypatch.setattr(publishing, "_digest", lambda path: hashed.append(path) or digest(path))
    if touched:
        files(filled._store.folder)[0].touch()
    publish(filled._store)
    assert bool(hashed) == touched


def test_verification_trusts_nothing(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "TRUSTED_BYTES", 0)
    filled.add(MORE[0], "note.md")
    assert verify(filled._store)
    monkeypatch.setattr(publishing, "_stamps", lambda *_: {"as": "before"})
    publishing._stamp(files(filled._store.folder)[0].parent, [MANIFEST])
    victim = next(path for path in files(filled._store.folder) if path.name == "sentences.i4")
    _flip(victim)
    expected = filled.snapshot()
    assert publish(filled._store).generation == expected.generation, "the signs are those of before"
    assert not verify(filled._store)
    assert answers(publish(filled._store)) == answers(expected)
    assert verify(filled._store)


def test_what_a_killed_process_left_is_cleared_away_in_time(filled: Library) -> None:
    snapshots = filled._store.folder / "snapshots"
    old, new = snapshots / ".left-long-ago", snapshots / ".being-made"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    filled.add(MORE[0], "note.md")
    assert not old.exists()
    assert new.exists()


def test_verification_spares_the_signs_of_a_newer_snapshot(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "TRUSTED_BYTES", 0)
    hashed = publishing._hashed

    def overtaken(folder: Path, recorded: dict[str, str]) -> bool:
        monkeypatch.setattr(publishing, "_hashed", hashed)
        filled.add(MORE[0], "note.md")
        return hashed(folder, recorded)

    monkeypatch.setattr(publishing, "_hashed", overtaken)
    assert verify(filled._store)
    assert (filled._store.folder / "snapshots" / publishing._STAMPS).exists()


def test_changes_of_another_process_are_seen(filled: Library) -> None:
    other = Library(Store(filled._store.folder, "tiny", 64), TinyEmbedder())
    other.add(b"Coffee is roasted.", "coffee.txt")
    assert len(filled.snapshot().documents) == 3
    other.close()


def _truncate(path: Path) -> None:
    _replace(path, path.read_bytes()[:-1])


def _zero(path: Path) -> None:
    _replace(path, bytes(path.stat().st_size + 1))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[len(data) // 2] ^= 0x10
    _replace(path, bytes(data))


def _delete(path: Path) -> None:
    path.unlink()


def _replace(path: Path, data: bytes) -> None:
    """Put another file in the place of one that may be mapped into memory."""
    path.unlink()
    path.write_bytes(data)
