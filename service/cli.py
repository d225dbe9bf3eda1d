"""The `pincite` command.

`service.cli_common` lists the exit codes.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from service.cli_admin import backup, doctor, restore
from service.cli_cluster import app as cluster
from service.cli_common import NOT_SAID, UNREADABLE, USAGE, Index, err, explained, failed, out
from service.cli_keys import app as keys
from service.settings import SettingsError, read_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Ask your documents, and check every answer.",
)
app.add_typer(keys, name="keys")
for _command in (backup, restore, doctor):
    app.command()(_command)
app.add_typer(cluster)


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

    with explained():
        report = ingest_paths(read_settings(index=index, model=model), paths, err)
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

    with explained():
        answerer = open_answerer(read_settings(index=index))
        answer = answerer.answer(question, top_k=top_k, max_citations=max_citations)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(ask_body(answer)) + b"\n")
    else:
        print_answer(answer, out)
    if answer.status == "not_in_document":
        raise typer.Exit(NOT_SAID)


@app.command()
def documents(index: Index = None) -> None:
    """List the documents."""
    from service.bootstrap import open_library
    from service.printing import print_documents

    with explained():
        records = open_library(read_settings(index=index)).documents()
    print_documents(records, out)


@app.command()
def remove(
    document_id: Annotated[str, typer.Argument(help="The document's id, as `pincite documents` prints it.")],
    index: Index = None,
) -> None:
    """Remove a document."""
    from service.bootstrap import open_library

    with explained():
        open_library(read_settings(index=index)).remove(document_id)
    err.print(f"Removed {document_id}.")


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

    with explained():
        document = read_document(file.read_bytes(), file.name)
    print_lines((compare if diff else explain)(document, repair(document)), out)


@app.command()
def serve(
    index: Index = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
) -> None:
    """Serve the page and the API."""
    from service.server import run

    with explained():
        run(read_settings(index=index, host=host, port=port), err)


@app.command()
def mcp(index: Index = None) -> None:
    """Serve the tools ask, search and documents to a client of the Model Context Protocol, on stdin and stdout."""
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise failed(SettingsError("this command needs an extra: pip install 'pincite[mcp]'"), USAGE)
    from service.bootstrap import open_answerer
    from service.mcp_server import make_server

    with explained():
        answerer = open_answerer(read_settings(index=index))
        try:
            make_server(answerer).run("stdio")
        finally:
            answerer.library.close()


@app.command()
def slack(index: Index = None) -> None:
    """Answer in Slack over Socket Mode, which needs no public address (see docs/slack.md)."""
    from service.extras import extra

    with explained():
        with extra("slack"):
            from service.slack_server import run
        run(read_settings(index=index), err)


@app.command()
def prepare(
    model: Annotated[str | None, typer.Option(help="Embedding model.")] = None,
) -> None:
    """Make the models ready now; otherwise that is done when they are first used."""
    from index.conversion import prepare as prepare_model
    from index.reader import Reader
    from service.progress import counted

    with explained(), counted("Preparing the model", err) as progress:
        prepare_model(read_settings(model=model).model, progress)
    Reader.open()
