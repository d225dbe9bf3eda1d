"""The reader's network: a few MiniLM layers over question and passage, then readout layers for the sentences.

Two thirds of the cost of a cross-encoder is spent on positions nobody reads. Here the first `layers` run over all
tokens; after them only the summary and one pooled query per sentence go on, attending to the tokens' states.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

HEADS = 12


class Layer(nn.Module):
    """A BERT layer whose queries may be other positions than its keys."""

    def __init__(self, size: int = 384, inner: int = 1536) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.out = nn.Linear(size, size)
        self.norm1, self.norm2 = nn.LayerNorm(size, 1e-12), nn.LayerNorm(size, 1e-12)
        self.up, self.down = nn.Linear(size, inner), nn.Linear(inner, size)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        """x (b, q, size) attends to memory (b, n, size); bias (b, 1, 1, n) is 0 or very negative."""
        batch, _, size = memory.shape
        heads = [
            linear(of).view(batch, -1, HEADS, size // HEADS).transpose(1, 2)
            for linear, of in ((self.query, x), (self.key, memory), (self.value, memory))
        ]
        weights = (heads[0] @ heads[1].transpose(-1, -2) * (size // HEADS) ** -0.5 + bias).softmax(-1)
        mixed = (weights @ heads[2]).transpose(1, 2).reshape(batch, -1, size)
        x = self.norm1(x + self.drop(self.out(mixed)))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class ReaderNet(nn.Module):
    """tokens, segments -> answerable logit, sentence logits, start and end logits.

    `segments` holds 0 for padding, 1 for [CLS] question [SEP], and 2 + i for the tokens of sentence i; `slots`
    holds 2, 3, ... up to the largest, which tells how many sentences to score.
    """

    def __init__(self, layers: int, readouts: int, vocabulary: int = 30522, size: int = 384) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, size), nn.Embedding(512, size)
        self.types = nn.Embedding(2, size)
        self.norm, self.drop = nn.LayerNorm(size, 1e-12), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.readouts = nn.ModuleList(Layer() for _ in range(readouts))
        self.edges = nn.Linear(size, 2)
        self.sentence, self.pair = nn.Linear(size, 1), nn.Linear(2 * size, 1)
        for linear in (self.edges, self.sentence, self.pair):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def forward(self, tokens: Tensor, segments: Tensor, slots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return pair (b,), sentence (b, len(slots)) and edge (b, n, 2) logits."""
        bias = torch.where(segments[:, None, None, :] > 0, 0.0, -1e4)
        places = torch.arange(512, device=tokens.device)[: tokens.shape[1]]
        x = self.words(tokens) + self.places(places) + self.types((segments > 1).long())
        x = self.drop(self.norm(x))
        for layer in self.layers:
            x = layer(x, x, bias)
        edges = self.edges(x)
        member = segments[:, None, :] == slots[None, :, None]
        likely = edges.sum(-1)[:, None, :]
        pool = torch.where(member, likely, -1e4).softmax(-1)
        present = member.any(-1)
        queries = torch.cat([x[:, :1], pool @ x], dim=1)
        for layer in self.readouts:
            queries = layer(queries, x, bias)
        sentence = torch.where(present, self.sentence(queries[:, 1:]).squeeze(-1), -1e4)
        best = (sentence.softmax(-1)[:, None, :] @ queries[:, 1:]).squeeze(1)
        pair = self.pair(torch.cat([queries[:, 0], best], dim=-1)).squeeze(-1)
        return pair, sentence, edges


def from_minilm(weights: dict[str, Tensor], layers: int, readouts: int) -> ReaderNet:
    """Build the network from all-MiniLM-L6-v2: its first layers in order, word vectors frozen."""
    net = ReaderNet(layers, readouts)
    state = net.state_dict()
    table = {"words": "word", "places": "position", "types": "token_type"}
    for ours, theirs in table.items():
        state[f"{ours}.weight"] = weights[f"embeddings.{theirs}_embeddings.weight"]
    parts = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        for at in range(layers + readouts):
            ours = f"layers.{at}" if at < layers else f"readouts.{at - layers}"
            for name, theirs in parts.items():
                state[f"{ours}.{name}.{kind}"] = weights[f"encoder.layer.{at}.{theirs}.{kind}"]
    net.load_state_dict(state)
    net.words.requires_grad_(requires_grad=False)
    net.places.requires_grad_(requires_grad=False)
    return net


def load_weights(net: ReaderNet, path: Path) -> None:
    """Take the weights of `reader.pt`, or of an exported `reader.onnx` (int8 made float; word vectors stay)."""
    if path.suffix == ".pt":
        net.load_state_dict(torch.load(path, weights_only=True))
        return
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(path).graph
    held = {i.name: to_array(i) for i in graph.initializer}
    state = net.state_dict()
    for name, value in held.items():
        if name.removeprefix("net.") in state:
            state[name.removeprefix("net.")] = torch.from_numpy(value.copy())
    state["types.weight"] = _whole(held, "net.types.weight")
    for node in graph.node:
        if node.op_type == "MatMulInteger" and node.input[1] in held:
            name = node.name.removeprefix("/net/").rpartition("/")[0].replace("/", ".")
            state[f"{name}.weight"] = _whole(held, node.input[1].removesuffix("_quantized")).T.contiguous()
    net.load_state_dict(state)


def _whole(held: dict[str, NDArray[Any]], name: str) -> Tensor:
    """Return the float form of an int8 weight."""
    value, zero = (held[f"{name}_{part}"].astype("float32") for part in ("quantized", "zero_point"))
    return torch.from_numpy((value - zero) * held[f"{name}_scale"])
