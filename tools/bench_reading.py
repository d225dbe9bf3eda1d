"""How fast Markdown is read (parsed and repaired), and how much memory that takes, by size.

    python tools/bench_reading.py [megabytes ...]

Prints a Markdown table: size, CPU seconds, megabytes a second, peak memory over that of a started process as a
multiple of the text. Each size runs in a process of its own. The text is made by rule from a fixed seed: prose of
random words with headings, lists, notes, links and emphasis; one paragraph in ten is damaged.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import time
from multiprocessing.connection import Connection

SIZES = (0.1, 1.0, 10.0, 100.0)
_PARAGRAPHS = 2000


def make(size: int) -> bytes:
    """Return about `size` bytes of Markdown; text repeats only after some 1.5 MB."""
    chance = random.Random(1)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyzé", k=chance.randint(2, 10))) for _ in range(20_000)
    ]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    blocks = [_block(chance, words, weights, number) for number in range(_PARAGRAPHS)]
    text = "\n\n".join(blocks).encode()
    return (text + b"\n\n") * (size // len(text)) + text[: size % len(text)].decode(errors="ignore").encode()


def _block(chance: random.Random, words: list[str], weights: list[float], number: int) -> str:
    kind = number % 20
    if kind == 0:
        return f"## {' '.join(chance.choices(words, weights, k=5)).title()}"
    sentences = []
    for _ in range(chance.randint(3, 8)):
        made = chance.choices(words, weights, k=chance.randint(8, 25))
        sentences.append(" ".join(made).capitalize() + ".")
    text = " ".join(sentences)
    if kind == 1:
        return "\n".join(f"- {sentence}" for sentence in sentences)
    if kind == 2:
        return f"{text}[^{number}]\n\n[^{number}]: {sentences[0]} <https://example.org/{number}>"
    if kind == 3:
        return text.replace(" ", " **", 1).replace(". ", ".** ", 1) + " A [link](https://example.org)."
    if kind in (4, 5):
        cut = text.index(" ", len(text) // 2)
        quote = f"\n\n{sentences[-1]}" if kind == 5 else ""
        return f"{text[:cut]}{quote}\n\n{text[cut + 1 :]}"
    return text


def _measure(size: int, results: Connection) -> None:
    from ingest.readers import Limits, read_document
    from ingest.repair import repair

    data = make(size)
    limits = Limits(characters=len(data))
    repair(read_document(b"A warm-up.", "warm-up"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    document = read_document(data, "bench.md", limits)
    parsed = time.process_time()
    repair(document)
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.send((len(data), parsed - started, done - parsed, (peak - before) * 1024))


def main() -> None:
    sizes = [float(argument) for argument in sys.argv[1:]] or SIZES
    print("| MB | parse s | repair s | MB/s | memory / text |\n|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for size in sizes:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_measure, args=(int(size * 1e6), sender))
        worker.start()
        length, parse, mend, memory = receiver.recv()
        worker.join()
        speed = length / 1e6 / (parse + mend)
        print(
            f"| {length / 1e6:.1f} | {parse:.2f} | {mend:.2f} | {speed:.2f} | {memory / length:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
