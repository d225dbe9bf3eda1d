"""How ONNX Runtime is opened: one thread a session, no log noise, and nothing sent anywhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def open_session(path: Path, *, fuse: bool = False, unfused: Sequence[str] = ()) -> Any:
    """Open the model in the file `path`. `fuse` lets the runtime fuse operators, all but `unfused`.

    Official builds of ONNX Runtime report model names, hashes and hardware to its maker from version 1.29
    on, unless they are told not to before they are loaded.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if fuse else levels.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(unfused)
    )
