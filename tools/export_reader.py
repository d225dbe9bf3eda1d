"""Write the trained reader as int8 ONNX: `python tools/export_reader.py --weights reader.pt`.

Prints the size and how far the int8 probabilities lie from the trained ones; stops where they lie too far.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from reader_model import ReaderNet

TARGET = Path(__file__).resolve().parents[1] / "index" / "models" / "reader.onnx"
MAX_DIFFERENCE = 0.05
"""Mean absolute difference of probabilities that int8 may bring."""


class Scores(torch.nn.Module):
    """The network with probabilities for outputs."""

    def __init__(self, net: ReaderNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, tokens: torch.Tensor, segments: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pair (b,) and sentence (b, slots) probabilities."""
        pair, sentence, _ = self.net(tokens, segments, slots)
        return pair.sigmoid(), sentence.sigmoid()


def export(net: ReaderNet, target: Path) -> None:
    """Write the int8 graph of `net` to `target`."""
    tokens = torch.randint(1000, 20000, (2, 24))
    segments = torch.tensor([[1] * 8 + [2] * 8 + [3] * 7 + [1]] * 2)
    axes = {
        "tokens": {0: "pairs", 1: "length"},
        "segments": {0: "pairs", 1: "length"},
        "slots": {0: "sentences"},
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            Scores(net).eval(),
            (tokens, segments, torch.tensor([2, 3])),
            str(full),
            input_names=["tokens", "segments", "slots"],
            output_names=["answerable", "sentences"],
            dynamic_axes={**axes, "answerable": {0: "pairs"}, "sentences": {0: "pairs", 1: "sentences"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(full, target, weight_type=QuantType.QInt8, per_channel=True)


def difference(net: ReaderNet, target: Path) -> float:
    """Mean absolute difference of the pair probabilities over 64 made pairs of up to 128 tokens."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    torch.manual_seed(1)
    gaps = []
    for length in (48, 96, 128):
        tokens = torch.randint(1996, 12000, (64, length))
        tokens[:, 0], tokens[:, 12], tokens[:, -1] = 101, 102, 102
        segments = 2 + (torch.arange(length)[None, :] - 13).clamp(min=0) // 24
        segments = segments.repeat(64, 1)
        segments[:, :13], segments[:, -1] = 1, 1
        slots = torch.arange(2, int(segments.max()) + 1)
        with torch.no_grad():
            wanted = Scores(net).eval()(tokens, segments, slots)[0].numpy()
        inputs = {"tokens": tokens.numpy(), "segments": segments.numpy(), "slots": slots.numpy()}
        gaps.append(np.abs(session.run(None, inputs)[0] - wanted).mean())
    return float(np.mean(gaps))


def main() -> None:
    """Export, check, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--target", type=Path, default=TARGET)
    options = parser.parse_args()
    state = torch.load(options.weights, weights_only=True)
    depth = {
        part: 1 + max((int(k.split(".")[1]) for k in state if k.startswith(part)), default=-1)
        for part in ("layers", "readouts")
    }
    net = ReaderNet(depth["layers"], depth["readouts"])
    net.load_state_dict(state)
    export(net, options.target)
    gap = difference(net, options.target)
    print(
        f"{options.target}: {options.target.stat().st_size / 1e6:.1f} MB, int8 differs by {gap:.4f} on average"
    )
    if gap > MAX_DIFFERENCE:
        raise SystemExit(
            f"int8 probabilities differ by {gap:.4f}, more than {MAX_DIFFERENCE}: not to be shipped"
        )


if __name__ == "__main__":
    main()
