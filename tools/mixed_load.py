"""Sends a running service all kinds of requests from many clients at once, and says which answers were unexpected.

    python -m tools.mixed_load --requests 10000 --clients 20            # a service of its own, on the handbook
    python -m tools.mixed_load --at http://127.0.0.1:8000 --requests 500

Exits 1 where any status was not one of those that the kind of request may get.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

QUESTIONS = (
    "How do I add a document?", "Where is the data kept?", "What does the confidence mean?", "Who won the cup in 1990?",
    "How large may a request be?", "'; DROP TABLE documents; --", "\"AND (NEAR *", "[a-z]+(?=x)", "Ünïcödé ☃?",
)  # fmt: skip
Sent = tuple[httpx.Response, tuple[int, ...]]
"""A response, and the statuses that were expected."""


@dataclass
class Client:
    """One client: what it has seen so far, and its own dice."""

    http: httpx.Client
    dice: random.Random
    answers: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    def question(self) -> dict[str, object]:
        return {"question": self.dice.choice(QUESTIONS)}


def ask(client: Client) -> Sent:
    response = client.http.post("/v1/ask", json=client.question() | {"top_k": client.dice.randint(1, 9)})
    if response.status_code == 200:
        client.answers.append(response.json()["answer_id"])
    return response, (200,)


def ask_streamed(client: Client) -> Sent:
    return client.http.post("/v1/ask", json=client.question() | {"stream": True}), (200,)


def ask_batch(client: Client) -> Sent:
    return client.http.post("/v1/ask/batch", json={"questions": [client.question(), {"question": ""}]}), (
        200,
    )


def search(client: Client) -> Sent:
    return client.http.post("/v1/search", json=client.question()), (200,)


def chat(client: Client) -> Sent:
    messages = [{"role": "user", "content": client.question()["question"]}]
    return client.http.post("/v1/chat/completions", json={"model": "pincite", "messages": messages}), (200,)


def page(client: Client) -> Sent:
    return client.http.get("/", params={"q": str(client.question()["question"])}), (200,)


def verify(client: Client) -> Sent:
    if not client.answers:
        return client.http.get("/v1/answers/none/verify"), (404,)
    return client.http.get(f"/v1/answers/{client.dice.choice(client.answers)}/verify"), (200,)


def judge(client: Client) -> Sent:
    if not client.answers:
        return client.http.post("/v1/feedback", json={"answer_id": "none", "helpful": True}), (404,)
    said = {"answer_id": client.dice.choice(client.answers), "helpful": False, "reason": "load"}
    return client.http.post("/v1/feedback", json=said), (204,)


def add(client: Client) -> Sent:
    text = f"# Note {client.dice.random()}\n\nThe note of this client says {client.dice.random()}."
    response = client.http.post("/v1/documents", json={"title": "note", "text": text})
    if response.status_code == 201:
        client.documents.append(response.json()["document_id"])
    return response, (201,)


def replace(client: Client) -> Sent:
    new = {"title": "note", "text": f"All is new: {client.dice.random()}."}
    if not client.documents:
        return client.http.put("/v1/documents/none", json=new), (404,)
    return client.http.put(f"/v1/documents/{client.dice.choice(client.documents)}", json=new), (200,)


def remove(client: Client) -> Sent:
    if not client.documents:
        return client.http.delete("/v1/documents/none"), (404,)
    return client.http.delete(f"/v1/documents/{client.documents.pop()}"), (204,)


def look(client: Client) -> Sent:
    path = client.dice.choice(
        ("/v1/documents", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models")
    )
    return client.http.get(path), (200,)


def blunder(client: Client) -> Sent:
    """Send one of the many things that are wrong."""
    json_type = {"content-type": "application/json"}
    post = client.http.post
    return client.dice.choice((
        lambda: (post("/v1/ask", json={"question": ""}), (422,)),
        lambda: (post("/v1/ask", json={"question": "x" * 2001}), (422,)),
        lambda: (post("/v1/ask", json={"question": "a", "top_k": -1}), (422,)),
        lambda: (post("/v1/ask", content="{", headers=json_type), (400, 422)),
        lambda: (post("/v1/ask", content="[" * 9000, headers=json_type), (400, 422)),
        lambda: (post("/v1/ask", content="a", headers={"content-type": "text/plain"}), (415,)),
        lambda: (post("/v1/ask", json={"question": "a", "document_ids": ["none"]}), (404,)),
        lambda: (post("/v1/documents", files={"file": ("a.bin", b"\x7fELF\x02\x01")}), (415,)),
        lambda: (post("/v1/documents", files={"file": ("a.md", b"")}), (422,)),
        lambda: (client.http.get("/v1/answers/none"), (404,)),
        lambda: (client.http.get("/nowhere/%2e%2e/%00"), (404,)),
        lambda: (client.http.request("PATCH", "/v1/documents"), (405,)),
        lambda: (client.http.get("/v1/documents/none/text"), (404,)),
    ))()  # fmt: skip


MIX: tuple[tuple[Callable[[Client], Sent], int], ...] = (
    (ask, 30), (search, 15), (look, 15), (blunder, 12), (page, 6), (ask_streamed, 6), (verify, 4), (chat, 3),
    (judge, 3), (ask_batch, 2), (add, 2), (remove, 1), (replace, 1),
)  # fmt: skip
"""Kinds of requests and how many of a hundred they are."""


def run(
    address: str, requests: int, clients: int, seed: int = 0
) -> tuple[Counter[tuple[str, int]], list[str]]:
    """Send `requests` requests. Return how many of each kind got which status, and what was unexpected."""
    statuses: Counter[tuple[str, int]] = Counter()
    unexpected: list[str] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        with httpx.Client(base_url=address, timeout=120) as http:
            client = Client(http, random.Random(seed * 1000 + number))
            for _ in range(number, requests, clients):
                (kind,) = client.dice.choices(*zip(*MIX, strict=True))
                response, expected = kind(client)
                with lock:
                    statuses[kind.__name__, response.status_code] += 1
                    if response.status_code not in expected:
                        unexpected.append(
                            f"{kind.__name__}: {response.status_code}, not {expected}: {response.text[:300]}"
                        )

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(work, number) for number in range(clients)]:
            done.result()
    return statuses, unexpected


@contextmanager
def own_service() -> Iterator[str]:
    """Serve the handbook from a folder of its own while the body runs."""
    with tempfile.TemporaryDirectory() as folder:
        pincite = [sys.executable, "-c", "from service.cli import main; main()"]
        environment = os.environ | {"PINCITE_INDEX": folder, "PINCITE_LOG_REQUESTS": "0"}
        subprocess.run([*pincite, "ingest", "documents/handbook.md"], check=True, env=environment)
        server = subprocess.Popen(
            [*pincite, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment
        )
        try:
            assert server.stderr is not None
            line = server.stderr.readline()
            found = re.search(r"http://\S+", line)
            assert found, line
            yield found.group()
        finally:
            server.terminate()
            server.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument(
        "--at", help="a service that runs already; documents are added to and removed from it"
    )
    options = parser.parse_args()
    start = time.perf_counter()
    if options.at:
        statuses, unexpected = run(options.at, options.requests, options.clients)
    else:
        with own_service() as address:
            statuses, unexpected = run(address, options.requests, options.clients)
    for (kind, status), count in sorted(statuses.items()):
        print(f"{kind:14} {status} {count:6}")
    took = time.perf_counter() - start
    print(
        f"{statuses.total()} requests from {options.clients} clients in {took:.0f} s, {len(unexpected)} unexpected"
    )
    print("\n".join(unexpected[:20]))
    sys.exit(bool(unexpected))


if __name__ == "__main__":
    main()
