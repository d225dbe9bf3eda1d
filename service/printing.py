"""Answers and documents on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.types import DocumentRecord
from ingest.explain import Line, Style
from service import messages
from service.types import Answer, Citation

_COLOURS: dict[Style, str] = {
    "heading": "bold",
    "text": "",
    "note": "dim",
    "joined": "cyan",
    "repaired": "green",
    "suspect": "yellow",
    "remark": "dim italic",
    "removed": "red",
    "added": "green",
    "place": "dim",
}


def print_lines(lines: Iterable[Line], console: Console) -> None:
    """Print lines in parts of one style each."""
    for line in lines:
        console.print(Text.assemble(*((text, _COLOURS[style]) for text, style in line)))


def print_answer(answer: Answer, console: Console) -> None:
    """Print an answer with its sources, or the nearest places where there is none."""
    if answer.answer is None:
        console.print(messages.NOT_IN_DOCUMENT, style="bold")
        if answer.missing:
            console.print(messages.missing(answer), markup=False)
        if answer.passages:
            console.print(messages.NEAREST, style="dim")
        for passage in answer.passages[:3]:
            console.print(Text(f"  {_shortened(passage.text)}", style="dim"))
        return
    console.print(_with_marks(answer))
    console.print()
    for citation in answer.citations:
        console.print(_source(citation))
    if answer.missing:
        console.print(messages.missing(answer), markup=False)
    console.print(f"({messages.standing(answer)})", style="dim")


def print_documents(records: Sequence[DocumentRecord], console: Console) -> None:
    """Print a table of documents."""
    if not records:
        console.print(messages.NO_DOCUMENTS)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Id", "Title", "Passages", "Characters", "Added"):
        table.add_column(heading, justify="right" if heading in ("Passages", "Characters") else "left")
    for record in records:
        counts = f"{record.passages:,}", f"{record.characters:,}"
        table.add_row(record.id, Text(record.title), *counts, record.added_at[:16].replace("T", " "))
    console.print(table)


def _with_marks(answer: Answer) -> Text:
    text = Text(answer.answer or "")
    for citation in answer.citations:
        mark = f" [{citation.number}]"
        text.stylize("bold cyan", citation.answer_end, citation.answer_end + len(mark))
    return text


def _source(citation: Citation) -> Text:
    text = Text()
    text.append(f"[{citation.number}] ", style="bold cyan")
    text.append(messages.place(citation))
    remark = messages.QUALITY[citation.source_quality]
    if remark:
        text.append(f" ({remark})", style="yellow")
    return text


def _shortened(text: str, characters: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= characters else flat[: characters - 1].rstrip() + "…"
