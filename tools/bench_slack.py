"""Print how long 50 mentions at once wait for their acknowledgement, and until all are answered.

    python tools/bench_slack.py [INDEX]

The service runs with the index (a new one of the handbook if none is named), Slack is tests/fake_slack.py on
this machine. Requests are signed and sent at once by another process, each over a connection of its own. Every
question is a new one, so that none is answered from the cache.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import fake_slack  # noqa: E402
from serving import served  # noqa: E402

from service.app import create_app  # noqa: E402
from service.bootstrap import make_answerer, open_library  # noqa: E402
from service.ledger import Ledger  # noqa: E402
from service.settings import read_settings  # noqa: E402

AT_ONCE, ROUNDS = 50, 5


async def send(url: str, round_: int) -> list[float]:
    """Send all mentions of a round at once and return how many milliseconds each waited."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=30) as client:

        async def one(number: int) -> float:
            post = fake_slack.mention(
                f"What does {number + AT_ONCE * round_} change?", f"{1_700_000_000 + number}.{round_:06}"
            )
            body = json.dumps(fake_slack.event(post, f"Ev{round_}-{number}")).encode()
            signed = fake_slack.signature(body, str(int(time.time())))
            headers = {"Content-Type": "application/json", **signed}
            start = time.perf_counter()
            response = await client.post(f"{url}/slack/events", content=body, headers=headers)
            assert response.status_code == 200, response.text
            return (time.perf_counter() - start) * 1000

        return await asyncio.gather(*map(one, range(AT_ONCE)))


def send_all(url: str, round_: int) -> list[float]:
    return asyncio.run(send(url, round_))


def main() -> None:
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as others,
        tempfile.TemporaryDirectory() as folder,
        fake_slack.slack() as fake,
    ):
        settings = read_settings(
            index=Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "index",
            slack_bot_token=fake_slack.BOT_TOKEN,
            slack_signing_secret=fake_slack.SECRET,
            slack_api_url=f"{fake.url}/api/",
        )
        library = open_library(settings, create=len(sys.argv) == 1)
        if len(sys.argv) == 1:
            library.add((ROOT / "documents" / "handbook.md").read_bytes(), "handbook.md")
        ledger = Ledger.open(Path(folder) / "ledger")
        with served(create_app(make_answerer(library), settings, ledger)) as url:
            others.submit(int).result()
            for round_ in range(ROUNDS):
                start = time.perf_counter()
                waits = sorted(others.submit(send_all, url, round_).result())
                fake.wait_for("chat.postMessage", AT_ONCE * (round_ + 1))
                seconds = time.perf_counter() - start
                print(
                    f"round {round_ + 1}: {AT_ONCE} mentions acknowledged, median {statistics.median(waits):.0f} ms, "
                    f"slowest {waits[-1]:.0f} ms; all answered after {seconds:.2f} s"
                )
        ledger.close()
        library.close()


if __name__ == "__main__":
    main()
