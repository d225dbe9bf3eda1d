"""Ask with OpenAI's client: any program that speaks to a chat model can ask the documents.

python examples/openai_client.py [ADDRESS]
"""

from __future__ import annotations

import sys

from openai import OpenAI

QUESTION = "How do I remove a document?"


def main(address: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="none")  # an API key where the service asks for one
    reply = client.chat.completions.create(model="pincite", messages=[{"role": "user", "content": QUESTION}])
    print(reply.choices[0].message.content)
    for citation in reply.citations:  # what /v1/ask gives
        print(citation["number"], citation["url"], citation["spans"][0]["text"])

    stream = client.chat.completions.create(
        model="pincite", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    for chunk in stream:
        print(chunk.choices[0].delta.content or "", end="")
    print("\nCitations in the stream:", len(chunk.citations))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
