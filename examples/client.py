"""Ask with the Python client, and check the quotes oneself.   python examples/client.py [ADDRESS]"""

from __future__ import annotations

import asyncio
import sys

from service.client import AsyncClient, Client
from service.client_errors import InvalidRequestError
from service.schemas import CitationModel

QUESTION = "How do I remove a document?"


def main(address: str) -> None:
    with Client(address) as pincite:
        answer = pincite.ask(QUESTION)
        if answer.answer is None:
            print("The documents do not say.")
            return
        print(answer.answer)
        for citation in answer.citations:
            source = pincite.document_text(citation.document_id)
            for span in citation.spans:
                assert source[span.start_char_index : span.end_char_index] == span.text
            print(
                f"[{citation.number}] {citation.document_title}, line {citation.line}, is there word for word"
            )

        print("Checked again by the service:", pincite.verify(answer.answer_id).status)

        for result in pincite.batch(["Where is the data kept?", ""]):
            print("Batch:", result.answer.status if result.answer else result.problem)

        try:
            pincite.ask("")
        except InvalidRequestError as error:
            print("Not asked:", error.detail)


async def stream(address: str) -> None:
    async with AsyncClient(address) as pincite:
        async for event in pincite.stream(QUESTION):
            if isinstance(event, CitationModel):
                print("Streamed:", event.cited_text)


if __name__ == "__main__":
    service = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    main(service)
    asyncio.run(stream(service))
