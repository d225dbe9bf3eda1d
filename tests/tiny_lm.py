"""A language model of a few kilobytes that learns one text by heart, and a chat completions server around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI

START, END = "<start>", "<end>"


def train_tiny_writer(folder: Path, text: str) -> Path:
    """Train a GPT-2 of one layer until it writes `text`, save it in `folder` and return that."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    words = [START, *text.split(), END]
    vocabulary = sorted(set(words))
    torch.set_num_threads(1)  # more of them only wait for each other over matrices this small
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(vocabulary), n_positions=64, n_embd=32, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config)
    ids = torch.tensor([[vocabulary.index(word) for word in words]])
    model.eval()  # no dropout: it is to learn this text and nothing else
    for _ in range(60):  # plain descent: torch's optimisers take seconds to load
        gradients = torch.autograd.grad(model(input_ids=ids, labels=ids).loss, list(model.parameters()))
        with torch.no_grad():
            for weights, gradient in zip(model.parameters(), gradients, strict=True):
                weights.sub_(0.5 * gradient)
    model.save_pretrained(folder)
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    return folder


class TinyWriter:
    """Serves the model in `folder` as `POST /v1/chat/completions`, greedily decoded, whatever is asked."""

    def __init__(self, model: Any, vocabulary: list[str]) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self.written: list[str] = []
        self.app = FastAPI()
        self.app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])

    @classmethod
    def load(cls, folder: Path) -> TinyWriter:
        from transformers import GPT2LMHeadModel

        words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
        return cls(GPT2LMHeadModel.from_pretrained(folder).eval(), words)

    def _complete(self) -> dict[str, Any]:
        import torch

        ids = [self._vocabulary.index(START)]
        with torch.inference_mode():
            while len(ids) < 60 and self._vocabulary[ids[-1]] != END:
                ids.append(int(self._model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        self.written.append(" ".join(self._vocabulary[i] for i in ids[1:] if self._vocabulary[i] != END))
        return {"choices": [{"message": {"role": "assistant", "content": self.written[-1]}}]}
