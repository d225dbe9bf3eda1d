"""Models converted once, to ONNX and for the native encoder, and kept in the user's cache folder.

A folder a model: `encoder-int8.onnx`, `encoder-fp32.onnx`, `encoder-native.bin`, `embeddings.bin`, `tokenizer.json` and
`manifest.json`, which holds the SHA-256 of the others. A converted model needs neither its source weights nor torch.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from index.native_file import pack_bert
from index.onnx_graph import EMBEDDINGS_FILE, BertShape, Precision, build_graph, word_embeddings
from index.reader_weights import DIMENSION, WINDOW_TOKENS, native_files
from index.types import Progress
from index.weights import (
    BUNDLED_SHA256,
    DEFAULT_MODEL,
    ModelFolder,
    UnsupportedModelError,
    WeightsHashError,
    file_sha256,
    resolve_model,
    split_revision,
)

CONVERTER = 3
"""Goes up whenever the converted files would differ."""

_MANIFEST = "manifest.json"
_TOKENIZER = "tokenizer.json"
_NATIVE = "encoder-native.bin"
_PRECISIONS: tuple[Precision, ...] = ("int8", "fp32")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A converted model on disk. `name` as in `ModelFolder`; `max_tokens` includes [CLS] and [SEP]."""

    path: Path
    name: str
    dimension: int
    max_tokens: int
    files: dict[str, str]

    @property
    def tokenizer(self) -> Path:
        return self.path / _TOKENIZER

    @property
    def native(self) -> Path:
        return self.path / _NATIVE

    @property
    def embeddings(self) -> Path:
        return self.path / EMBEDDINGS_FILE

    def graph(self, precision: Precision) -> Path:
        return self.path / _graph_file(precision)

    def verify(self, *, native: bool = False) -> None:
        """Raise `WeightsHashError` if a file, or one that the native encoder reads, is not what was written."""
        for file, expected in self.files.items():
            if native and file not in (_NATIVE, EMBEDDINGS_FILE, _TOKENIZER):
                continue
            path = self.path / file
            found = file_sha256(path) if path.is_file() else "missing"
            if found != expected:
                raise WeightsHashError(
                    f"The converted model file {path} has SHA-256 {found}, its manifest says {expected}. "
                    f"Delete the folder {self.path}; it is made again at the next start."
                )


def cache_folder() -> Path:
    """Return where converted models live: PINCITE_CACHE, else XDG_CACHE_HOME/pincite, else ~/.cache/pincite."""
    if chosen := os.environ.get("PINCITE_CACHE"):
        return Path(chosen).expanduser()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = (
        shared if shared.is_absolute() else Path.home() / ".cache"
    )  # the XDG standard ignores relative ones
    return base / "pincite"


def prepare(model: str, progress: Progress | None = None, *, native: bool = False) -> ConvertedModel:
    """Return `model` converted, converting it if that was not done before, or is found damaged.

    `native` looks for damage only in the files that the native encoder reads.

    A name with its revision ("all-MiniLM-L6-v2@53aa5117") that is in the cache is not looked for elsewhere;
    the bundled model's is known, so that its weights need not stay once they are converted.
    Raises `UnsupportedModelError` for a model that cannot be converted, another `ModelError` if it is not to
    be had or not safe, OSError if the cache cannot be written.
    """
    name = f"{DEFAULT_MODEL}@{BUNDLED_SHA256[:8]}" if model == DEFAULT_MODEL else model
    if split_revision(name)[1] is not None and (found := _cached(name, native=native)) is not None:
        return found
    source = resolve_model(model)
    return _cached(source.name, native=native) or _convert(source, progress)


def prepare_reader(graph: Path) -> ConvertedModel:
    """Return the reader in the ONNX file `graph` as the native encoder reads it, converting it if need be.

    Raises `UnsupportedModelError` if it is not one the exporter wrote, OSError if the cache cannot be written.
    """
    name = f"reader@{file_sha256(graph)[:8]}"
    made = ConvertedModel(_folder(name), name, DIMENSION, WINDOW_TOKENS, {})
    return _cached(name) or _store(made, native_files(graph), 3, None)


def converted_files(source: ModelFolder) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of the converted model; equal weights give equal bytes."""
    from safetensors.numpy import load_file

    shape = BertShape.of(source)
    tokenizer, weights = source.path / _TOKENIZER, source.path / "model.safetensors"
    if not tokenizer.is_file() or not weights.is_file():
        raise UnsupportedModelError(f"{source.name} lacks {_TOKENIZER} or is stored in several weight files.")
    tensors = load_file(weights)
    yield _TOKENIZER, tokenizer.read_bytes()
    yield EMBEDDINGS_FILE, word_embeddings(tensors)
    for precision in _PRECISIONS:
        yield _graph_file(precision), build_graph(tensors, shape, precision)
    yield _NATIVE, pack_bert(tensors, shape)


def _cached(name: str, *, native: bool = False) -> ConvertedModel | None:
    """Return the intact converted model of that name, or None; a damaged one is reported and made again."""
    folder = _folder(name)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        model = ConvertedModel(path=folder, **manifest)
        model.verify(native=native)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, WeightsHashError) as error:
        _log.warning("the converted model in %s is damaged and is not used: %s", folder, error)
        return None
    return model


def _convert(source: ModelFolder, progress: Progress | None) -> ConvertedModel:
    shape = BertShape.of(source)
    made = ConvertedModel(_folder(source.name), source.name, shape.dimension, shape.max_tokens, {})
    return _store(made, converted_files(source), len(_PRECISIONS) + 3, progress)


def _store(
    model: ConvertedModel, contents: Iterator[tuple[str, bytes]], total: int, progress: Progress | None
) -> ConvertedModel:
    """Write `contents` and a manifest with their hashes to the folder of `model`, in one step."""
    model.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model.path.parent, prefix=".converting-") as scratch:
        made = Path(scratch) / model.path.name
        made.mkdir()
        files: dict[str, str] = {}
        for done, (file, content) in enumerate(contents, start=1):
            _write(made / file, content)
            files[file] = hashlib.sha256(content).hexdigest()
            if progress is not None:
                progress(done, total)
        model = replace(model, files=files)
        manifest = {key: value for key, value in asdict(model).items() if key != "path"}
        _write(made / _MANIFEST, json.dumps(manifest, indent=1).encode())
        _publish(made, model.path)
    _log.info("converted %s in %s", model.name, model.path)
    return model


def _publish(made: Path, target: Path) -> None:
    """Move a finished folder into place. Whoever was first wins: equal weights give equal files."""
    if target.exists():  # damaged, or made by another process in the meantime: either way ours may replace it
        target.rename(made.with_name("replaced"))
    try:
        made.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _folder(name: str) -> Path:
    return cache_folder() / "models" / f"{name.replace('/', '--')}.v{CONVERTER}"


def _graph_file(precision: Precision) -> str:
    return f"encoder-{precision}.onnx"
