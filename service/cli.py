"""The `pincite` command.

Exit codes: 0 done, 1 the documents do not say (`ask`), 2 wrong usage, 3 the index cannot be used, 4 something
could not be read, 5 another process is writing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from index.errors import BusyError, ConflictError, PinciteIndexError
from service.settings import SettingsError, read_settings

NOT_SAID, USAGE, BAD_INDEX, UNREADABLE, BUSY = 1, 2, 3, 4, 5

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Ask your documents, and check every answer.",
)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

Index = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index [default: $PINCITE_INDEX or .pincite/index]."),
]


def main() -> None:
    """Run the command, with whatever other packages add to it."""
    for command in entry_points(group="pincite.commands"):
        app.add_typer(command.load(), name=command.name)
    app()


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", exists=True)],
    index: Index = None,
    model: Annotated[str | None, typer.Option(help="Embedding model for a new index.")] = None,
) -> None:
    """Add documents; unchanged ones are skipped, changed ones replaced."""
    from service.ingesting import ingest_paths

    with _explained():
        report = ingest_paths(read_settings(index=index, model=model), paths, _err)
    if report.failed:
        raise typer.Exit(UNREADABLE)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    index: Index = None,
    top_k: Annotated[
        int, typer.Option(min=1, max=100, help="Most passages to show where nothing answers.")
    ] = 5,
    max_citations: Annotated[int | None, typer.Option(min=1, max=20, help="Most citations.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the body that HTTP would send.")] = False,
) -> None:
    """Answer a question in the documents' own words."""
    import orjson

    from service.bootstrap import open_answerer
    from service.printing import print_answer
    from service.wire import ask_body

    with _explained():
        answerer = open_answerer(read_settings(index=index))
        answer = answerer.answer(question, top_k=top_k, max_citations=max_citations)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(ask_body(answer)) + b"\n")
    else:
        print_answer(answer, _out)
    if answer.status == "not_in_document":
        raise typer.Exit(NOT_SAID)


@app.command()
def documents(index: Index = None) -> None:
    """List the documents."""
    from service.bootstrap import open_library
    from service.printing import print_documents

    with _explained():
        records = open_library(read_settings(index=index)).documents()
    print_documents(records, _out)


@app.command()
def remove(
    document_id: Annotated[str, typer.Argument(help="The document's id, as `pincite documents` prints it.")],
    index: Index = None,
) -> None:
    """Remove a document."""
    from service.bootstrap import open_library

    with _explained():
        open_library(read_settings(index=index)).remove(document_id)
    _err.print(f"Removed {document_id}.")


@app.command()
def read(
    file: Annotated[Path, typer.Argument(help="The document.", exists=True, dir_okay=False)],
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what was repaired only, against the source.")
    ] = False,
) -> None:
    """Show how a document is read: its text, and what was repaired in it and why."""
    from ingest.explain import compare, explain
    from ingest.readers import read_document
    from ingest.repair import repair
    from service.printing import print_lines

    with _explained():
        document = read_document(file.read_bytes(), file.name)
    print_lines((compare if diff else explain)(document, repair(document)), _out)


@app.command()
def serve(
    index: Index = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
) -> None:
    """Serve the page and the API."""
    from service.server import run

    with _explained():
        run(read_settings(index=index, host=host, port=port), _err)


@app.command()
def mcp(index: Index = None) -> None:
    """Serve the tools ask, search and documents to a client of the Model Context Protocol, on stdin and stdout."""
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise _failed(SettingsError("this command needs an extra: pip install 'pincite[mcp]'"), USAGE)
    from service.bootstrap import open_answerer
    from service.mcp_server import make_server

    with _explained():
        answerer = open_answerer(read_settings(index=index))
        try:
            make_server(answerer).run("stdio")
        finally:
            answerer.library.close()


@app.command()
def prepare(
    model: Annotated[str | None, typer.Option(help="Embedding model.")] = None,
) -> None:
    """Make the model ready now; otherwise that is done when it is first used."""
    from index.conversion import prepare as prepare_model
    from service.progress import counted

    with _explained(), counted("Preparing the model", _err) as progress:
        prepare_model(read_settings(model=model).model, progress)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn known errors into one sentence and an exit code."""
    from index.weights import ModelError
    from ingest.readers import ReadError
    from service.ledger import LedgerError
    from service.questions import QuestionError

    try:
        yield
    except (BusyError, ConflictError) as error:
        raise _failed(error, BUSY) from error
    except (PinciteIndexError, ModelError, LedgerError) as error:
        raise _failed(error, BAD_INDEX) from error
    except ReadError as error:
        raise _failed(error, UNREADABLE) from error
    except (SettingsError, QuestionError) as error:
        raise _failed(error, USAGE) from error


def _failed(error: Exception, code: int) -> typer.Exit:
    _err.print(f"pincite: {error}", markup=False)
    return typer.Exit(code)
