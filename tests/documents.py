"""Documents made by rule: Markdown of any kind, and clean text with known damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

_INLINE = st.sampled_from(
    [
        "word",
        "Größe",
        "naïve",
        "e\u0301t\u00e9",
        "𝒜stral",
        "👩‍👩‍👧",
        "戦場",
        "**bold**",
        "*it*",
        "`code`",
        "&amp;",
        "&lt;b&gt;",
        "\\_esc",
        "[link](http://a.b/c_d)",
        "<sup>1</sup>",
        "21<sup>st</sup>",
        "[^1]",
        "soft\u00adhyphen",
        "zero\u200bwidth",
        "ﬁne",
        "well-\nbeing",
        "collabo-\r\nration",
        "end.",
        "Start",
        "and",
        "<br>",
        "<u>under</u>",
        '"quoted"',
        "U.S.",
        "<!-- hidden -->",
        "\x00",
    ]
)
_LINE = st.lists(_INLINE, min_size=0, max_size=25).map(" ".join)
_BLOCK = st.one_of(
    _LINE,
    _LINE.map(lambda line: f"# {line}"),
    _LINE.map(lambda line: f"- {line}\n- {line}"),
    _LINE.map(lambda line: f"> {line}"),
    _LINE.map(lambda line: f"[^1]: {line}"),
    _LINE.map(lambda line: f"<sup>&</sup>lt;sup>1</sup> {line}"),
    _LINE.map(lambda line: f"```\n{line}\n```"),
    _LINE.map(lambda line: f"| a | {line.replace(chr(10), ' ')} |\n|---|---|\n| c | d |"),
    _LINE.map(lambda line: f"<div>{line}</div>"),
    st.text(max_size=60),
)
MARKDOWN = st.tuples(st.lists(_BLOCK, max_size=12), st.sampled_from(["\n\n", "\r\n\r\n", "\n", "\r\n"])).map(
    lambda made: made[1].join(made[0])
)
"""Markdown and nonsense: Unicode, astral characters, combining marks, CRLF, repeats, empty parts."""

_WORDS = """river table market signal winter castle garden paper engine copper valley lantern harbor meadow
silver bridge forest window candle ladder basket mirror anchor velvet marble hammer pepper saddle ribbon timber
kettle pillow button thread feather compass blanket orchard chimney stable barrel pocket fiddle gravel acorn
carries follows lifts opens crosses covers finds makes reaches shapes warms guides builds turns gathers
slowly quietly early often brightly gently under behind beside toward across within against along between""".split()


@dataclass(frozen=True)
class Damaged:
    """A text as it was and as a converter left it."""

    clean: str
    source: str


def paragraph(chance: random.Random, sentences: int = 4) -> list[str]:
    """Return sentences of random words."""
    made = []
    for _ in range(sentences):
        words = [chance.choice(_WORDS) for _ in range(chance.randint(8, 16))]
        made.append(" ".join([words[0].capitalize(), *words[1:]]) + ".")
    return made


def cut(chance: random.Random, sentences: list[str]) -> tuple[str, str]:
    """Cut a paragraph inside one of its later sentences, before a small letter."""
    k = chance.randrange(1, len(sentences))
    words = sentences[k].split()
    at = chance.randint(3, len(words) - 2)
    before = " ".join([*sentences[:k], *words[:at]])
    return before, " ".join([*words[at:], *sentences[k + 1 :]])


def _page_break(chance: random.Random, sentences: list[str]) -> str:
    return "\n\n".join(cut(chance, sentences))


def _pull_quote(chance: random.Random, sentences: list[str]) -> str:
    before, after = cut(chance, sentences)
    return f"{before}\n\n{chance.choice(sentences)}\n\n{after}"


def _shortened_quote(chance: random.Random, sentences: list[str]) -> str:
    before, after = cut(chance, sentences)
    words = chance.choice(sentences).rstrip(".").split()
    del words[len(words) // 2]
    return f"{before}\n\n{' '.join(words)}.\n\n{after}"


def _footnotes(chance: random.Random, sentences: list[str]) -> str:
    before, after = cut(chance, sentences)
    return f"{before}\n\n<sup>7</sup> A note, 2001.\n\n<sup>8</sup> Another, 2002.\n\n{after}"


def _heading(chance: random.Random, sentences: list[str]) -> str:
    before, after = cut(chance, sentences)
    return f"{before}\n\n## Figure and ground\n\n{after}"


def _table(chance: random.Random, sentences: list[str]) -> str:
    before, after = cut(chance, sentences)
    return f"{before}\n\n| year | sum |\n|---|---|\n| 2001 | 12 |\n\n{after}"


def _hyphens(chance: random.Random, sentences: list[str]) -> str:
    words = " ".join(sentences).split()
    for k in range(3, len(words) - 3, 7):
        if len(words[k]) > 5 and words[k].isalpha():
            words[k] = f"{words[k][:3]}-\n{words[k][3:]}"
    return " ".join(words)


DAMAGES: dict[str, Callable[[random.Random, list[str]], str]] = {
    "page break": _page_break,
    "pull-quote": _pull_quote,
    "shortened pull-quote": _shortened_quote,
    "footnotes": _footnotes,
    "heading": _heading,
    "table": _table,
    "hyphens": _hyphens,
}


def damaged(seed: int, damage: str) -> Damaged:
    """Return a document of three paragraphs whose second one is damaged, and that paragraph as it was."""
    chance = random.Random(seed)
    before, sentences, after = (paragraph(chance) for _ in range(3))
    source = "\n\n".join(["# A title", " ".join(before), DAMAGES[damage](chance, sentences), " ".join(after)])
    return Damaged(" ".join(sentences), source + "\n")


def with_running_heads(seed: int, pages: int = 4) -> Damaged:
    """Return a text whose pages break in mid-sentence, with a running head and a page number between them."""
    chance = random.Random(seed)
    clean, source, rest = [], "", ""
    for page in range(1, pages + 1):
        sentences = paragraph(chance, 6)
        before, after = cut(chance, sentences)
        clean.append(" ".join(sentences))
        source += f"{rest}{before}\n\nAnnual report of the harbor\n\n{page}\n\n"
        rest = f"{after}\n\n"
    return Damaged("\n\n".join(clean), source + rest)
