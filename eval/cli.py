"""`pincite eval`: measure answers offline.

Exit codes: 0 done, 1 a threshold is missed, 2 wrong usage, 3 the evaluation cannot be done.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from eval.answerers import Answering
    from eval.summary import Summary
    from eval.waterfall import IndexStages
    from index.backend import Backend

MISSED, FAILED = 1, 3
SETS = Path(__file__).parent / "questions"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure answers offline.")
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

Documents = Annotated[
    list[Path],
    typer.Option("--document", help="File that the questions are about.", exists=True, dir_okay=False),
]
Questions = Annotated[
    Path | None,
    typer.Option(help="Question set [default: the bundled one with the document's name].", dir_okay=False),
]


@app.command()
def run(
    document: Documents,
    questions: Questions = None,
    split: Annotated[str | None, typer.Option(help="tune or test [default: both].")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run [default: .pincite/eval/SET].")] = None,
    index: Annotated[
        Path | None, typer.Option(help="Existing index [default: one made for the run].")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Ask the service at this URL, such as http://127.0.0.1:8000.")
    ] = None,
    header: Annotated[list[str], typer.Option(help="Header for --url, as 'Name: value'.")] = [],  # noqa: B006
    require: Annotated[
        list[str], typer.Option(help="Threshold, as 'fact_recall=0.85'; may be repeated.")
    ] = [],  # noqa: B006
) -> None:
    """Ask a set of questions and report how good the answers are. An interrupted run goes on where it stopped."""
    with _explained():
        from eval.errors import EvaluationError
        from eval.questions import SPLITS, load_questions
        from eval.quotes import Source
        from eval.report import Evaluated, print_summary, write_report
        from eval.run import run as ask_all
        from eval.scoring import score
        from service.progress import counted

        half = next((name for name in SPLITS if name == split), None)
        if split is not None and half is None:
            raise EvaluationError(f"there is no split {split!r}: tune or test")
        thresholds = [_threshold(text) for text in require]
        sources = [Source.read(path) for path in document]
        path = questions or SETS / f"{document[0].stem}.jsonl"
        if not path.is_file():
            raise EvaluationError(f"no question set {path}: name one with --questions")
        asked = load_questions(path, sources, half)
        folder = out or Path(".pincite/eval") / path.stem
        with _answering(document, index, url, header) as (answering, stages):
            with counted("Asking", _err) as progress:
                answers = ask_all(asked, answering, folder, progress)
            same = stages is not None and stages.fingerprint == answers.fingerprint
            if stages is not None and not same:
                _err.print(
                    "The service answers from another index than --index: see the report on `retrieval`."
                )
            scores = [score(question, answers.replies[question.id], sources) for question in asked]
            evaluated = Evaluated.of(path.stem, half, answers, sources, scores, stages if same else None)
        write_report(evaluated, folder)
        print_summary(evaluated, _out)
        _out.print(f"\nReport: {folder / 'report.html'}")
        missed = _missed(evaluated.summary, thresholds)
    for line in missed:
        _err.print(line)
    if missed:
        raise typer.Exit(MISSED)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="Folder of the first run.")],
    b: Annotated[Path, typer.Argument(help="Folder of the second run.")],
) -> None:
    """Compare two runs over the same questions by paired tests."""
    with _explained():
        from eval.compare import print_comparison
        from eval.report import read_report

        print_comparison(read_report(a), read_report(b), _out)


@app.command()
def check(document: Documents, questions: Questions = None) -> None:
    """Check that a question set's evidence is in its documents, once each, and count its questions."""
    with _explained():
        from eval.questions import SPLITS, load_questions
        from eval.quotes import Source

        path = questions or SETS / f"{document[0].stem}.jsonl"
        loaded = load_questions(path, [Source.read(file) for file in document])
        table = Table(box=None, pad_edge=False)
        for heading in ("Kind", *SPLITS):
            table.add_column(heading, justify="left" if heading == "Kind" else "right")
        for kind in dict.fromkeys(question.kind for question in loaded):
            counts = [sum(q.kind == kind and q.split == half for q in loaded) for half in SPLITS]
            table.add_row(kind, *map(str, counts))
        _out.print(table)
        answerable = sum(question.answerable for question in loaded)
        _out.print(f"{len(loaded)} questions, {len(loaded) - answerable} of them without an answer.")


@app.command()
def candidates(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="JSON Lines [default: what the index's ledger holds].", exists=True, dir_okay=False
        ),
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Folder of the index [default: $PINCITE_INDEX or .pincite/index].")
    ] = None,
    take: Annotated[int | None, typer.Option(help="Number of the candidate to add to a set.", min=1)] = None,
    into: Annotated[Path | None, typer.Option(help="Question set to add it to.")] = None,
    document: Annotated[list[Path], typer.Option(help="Document of the set.", exists=True)] = [],  # noqa: B006
    kind: Annotated[str, typer.Option(help="Kind of the question.")] = "asked",
    first: Annotated[str | None, typer.Option("--from", help="First words of the evidence.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last words of the evidence.")] = None,
    unanswerable: Annotated[bool, typer.Option(help="The documents do not answer it.")] = False,
) -> None:
    """List the questions that people were not helped with, or add one to a question set."""
    with _explained():
        from eval.candidates import add_to_set, kept_candidates, read_candidates
        from eval.errors import EvaluationError
        from eval.quotes import Quote, Source
        from service.settings import read_settings

        place = file or read_settings(index=index).index
        found = read_candidates(place) if file else kept_candidates(place)
        if take is None:
            for number, candidate in enumerate(found, start=1):
                first_line, *others = candidate.described()
                _out.print(
                    "\n".join([f"{number:3}  {first_line}", *(f"     {each}" for each in others)]),
                    markup=False,
                )
            return
        if take > len(found):
            raise EvaluationError(f"{place} holds {len(found)} candidates, not {take}")
        if into is None or not document or (first is None) == (not unanswerable):
            raise EvaluationError("--take needs --into, --document, and either --from or --unanswerable")
        quote = Quote.model_validate({"from": first, "to": last}) if first is not None else None
        line = add_to_set(found[take - 1], quote, kind, into, [Source.read(path) for path in document])
        _out.print(f"Added {line['id']} ({line['split']}) to {into}.")


@app.command()
def benchmark(
    name: Annotated[str, typer.Argument(help="beir, chunking, clapnq or financebench.")],
    folder: Annotated[Path, typer.Argument(help="Folder of the data.", exists=True, file_okay=False)],
) -> None:
    """Measure on a benchmark that others wrote."""
    with _explained():
        from eval.benchmarks import BENCHMARKS
        from eval.errors import EvaluationError
        from service.progress import counted

        if name not in BENCHMARKS:
            raise EvaluationError(f"there is no benchmark {name!r}: {', '.join(BENCHMARKS)}")
        with _library() as library, counted(name, _err) as progress:
            figures = BENCHMARKS[name](folder, library, progress)
        for key, value in figures.items():
            _out.print(f"{key:24} {value:10.3f}" if value < 10 else f"{key:24} {value:10,.0f}")


@contextmanager
def _answering(
    documents: list[Path], index: Path | None, url: str | None, headers: list[str]
) -> Iterator[tuple[Answering, IndexStages | None]]:
    """Yield what answers and, where the index is on this machine, a view into its stages."""
    from eval.answerers import InProcess, OverHttp
    from eval.waterfall import IndexStages
    from service.bootstrap import make_answerer, open_options
    from service.settings import read_settings

    if url is not None and index is None:
        yield OverHttp.at(url, dict(_header(text) for text in headers)), None
        return
    with _library(index) as library:
        if index is None:
            for path in documents:
                library.add(path.read_bytes(), path.name)
        service = OverHttp.at(url, dict(_header(text) for text in headers)) if url else None
        yield (
            service or InProcess(make_answerer(library, options=open_options(read_settings()))),
            IndexStages(library),
        )


@contextmanager
def _library(folder: Path | None = None) -> Iterator[Backend]:
    """Open an existing index, or make an empty one that lasts as long as the body runs."""
    from service.bootstrap import open_library
    from service.settings import read_settings

    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary) / "index"
        library = open_library(read_settings(index=place), create=folder is None)
        try:
            yield library
        finally:
            library.close()


def _header(text: str) -> tuple[str, str]:
    from eval.errors import EvaluationError

    name, colon, value = text.partition(":")
    if not colon:
        raise EvaluationError(f"--header {text!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _threshold(text: str) -> tuple[str, float]:
    from eval.errors import EvaluationError

    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError as error:
        raise EvaluationError(f"--require {text!r} is not of the form 'fact_recall=0.85'") from error


def _missed(summary: Summary, thresholds: list[tuple[str, float]]) -> list[str]:
    """Return a sentence for each threshold that is missed: a floor, or a ceiling where lower is better."""
    from eval.errors import EvaluationError

    figures = {figure.name: figure for figure in summary.figures}
    lines = []
    for name, wanted in thresholds:
        if name not in figures:
            raise EvaluationError(f"--require names {name!r}; there is {', '.join(figures)}")
        value, higher = figures[name].interval.value, figures[name].higher_is_better
        if (value < wanted) if higher else (value > wanted):
            side = "at least" if higher else "at most"
            lines.append(f"{name} is {value:.3f}, and must be {side} {wanted:g}")
    return lines


@contextmanager
def _explained() -> Iterator[None]:
    """Turn known errors into one sentence and an exit code."""
    from eval.errors import EvaluationError
    from index.errors import PinciteIndexError
    from index.weights import ModelError
    from ingest.readers import ReadError
    from service.ledger import LedgerError
    from service.settings import SettingsError

    try:
        yield
    except (EvaluationError, PinciteIndexError, LedgerError, ModelError, ReadError, SettingsError) as error:
        _err.print(str(error))
        raise typer.Exit(FAILED) from error
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sklearn", "scipy", "ir_measures", "httpx"):
            raise
        _err.print(f"{error.name} is not installed: run `pip install 'pincite[eval]'`")
        raise typer.Exit(FAILED) from error
