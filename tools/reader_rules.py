"""Rules that change a question or a passage: near misses, and typing habits that must not matter."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


def change_number(question: str, passage: str, rng: random.Random) -> str | None:
    """Change a year or number of the question that the passage states to one that it does not."""
    found = [m for m in re.finditer(r"\b\d[\d,]*\b", question) if m.group() in passage]
    if not found:
        return None
    match = rng.choice(found)
    value = int(match.group().replace(",", ""))
    for _ in range(10):
        other = str(max(1, value + rng.choice((-1, 1)) * rng.randint(1, max(3, min(30, value // 3)))))
        if other not in passage:
            return question[: match.start()] + other + question[match.end() :]
    return None


_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-zé]{2,}(?: [A-Z][a-zé]+)*")


def names_in(passages: Iterable[str]) -> list[str]:
    """Return the names that the passages begin with, sorted."""
    return sorted({m.group() for text in passages for m in _NAME.finditer(text[:600])})


def change_name(question: str, passage: str, names: list[str], rng: random.Random) -> str | None:
    """Change a name of the question that the passage states to one that it does not (as many words)."""
    found = [m for m in _NAME.finditer(question) if m.group() in passage]
    if not found:
        return None
    match = rng.choice(found)
    for _ in range(20):
        other = rng.choice(names)
        if other not in passage and other.count(" ") == match.group().count(" "):
            break
    else:
        return None
    return question[: match.start()] + other + question[match.end() :]


def typo(text: str, rng: random.Random) -> str:
    """One slip of the fingers: two letters swapped, one lost or one doubled."""
    spots = [m.start() for m in re.finditer(r"(?<=\w\w)\w(?=\w)", text)]
    if not spots:
        return text
    at = rng.choice(spots)
    return rng.choice(
        (
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
        )
    )


_OTHERWISE = re.compile(
    r"^(when|where|why|how)\b(?= (?:did|do|does|was|were|is|are|has|have|had|will|would|can|could)\b)",
    re.IGNORECASE,
)
_TELLS = {
    "when": re.compile(
        r"\d|\b(?:when|after|before|during|century|ago|since|until|year|month|day|time|now|today)", re.I
    ),
    "why": re.compile(
        r"\b(?:because|due|since|as|for|so|reason|therefore|thus|cause|led|lead|result|make|made|allow|aim|hope|want)"
        r"|\bto (?!the|a|an|his|her|their|its|[A-Z])",
        re.I,
    ),
    "where": re.compile(
        r"\b(?:in|at|on|near|from|to|into|across|over|around|inside|outside|through) (?:the )?[A-Z]|home|abroad"
    ),
    "how": re.compile(r"\bby\b|\bwith\b|through|using|means|\w+ly\b|\w+ing\b", re.I),
}


def ask_otherwise(question: str, sentences: Iterable[str], rng: random.Random) -> str | None:
    """Ask when, where, why or how instead, where no sentence holds a word that could tell it."""
    found = _OTHERWISE.match(question)
    if found is None:
        return None
    text = " ".join(sentences)
    kinds = [k for k, tells in _TELLS.items() if k != found.group().lower() and not tells.search(text)]
    if not kinds:
        return None
    return rng.choice(kinds).capitalize() + question[found.end() :]


_SAME = [
    group.split()
    for group in (
        "begin start commence,end finish stop,big large great,small little tiny,build construct erect,buy purchase acquire,"
        "help assist support aid,show demonstrate reveal,use employ utilize,make produce create,get obtain receive,"
        "give provide supply,need require,important significant major,main chief principal,country nation state,"
        "city town,person individual,people persons folk,kill slay,die perish,war conflict,fight battle struggle,"
        "money cash funds,cost price expense,pay spend,job occupation post,work labor,leader head chief,boss manager director,"
        "rule govern control,law statute act,agreement accord pact treaty deal,border frontier boundary,trade commerce,"
        "teach instruct,learn study,school academy,book volume work,write author pen,say state claim,tell inform,"
        "think believe,opinion view,reason cause,result outcome effect,purpose aim goal,way manner method,type kind sort,"
        "part portion share,amount quantity,number figure,percent percentage,increase rise grow,decrease fall decline drop,"
        "happen occur,name call,known called famous,found establish set_up,discover find,invent devise,win gain,lose forfeit,"
        "join enter,leave quit exit,travel journey,go move,live reside dwell,born given_birth_to,child kid,doctor physician,"
        "illness disease sickness,danger risk threat,damage harm,protect guard defend,attack assault,army military forces,"
        "soldier troop,ship vessel boat,car automobile vehicle,road street,house home dwelling,church cathedral,king monarch,"
        "president head_of_state,company firm business enterprise,factory plant mill,worker employee laborer,student pupil,"
        "team side squad,game match,song tune,film movie picture,picture image,language tongue,old ancient aged,new recent fresh,"
        "fast quick rapid,hard difficult tough,easy simple,rich wealthy,poor needy,famous renowned well-known,"
        "different distinct,same identical,first initial earliest,last final,early initial,often frequently,usually normally,"
        "allow permit let,forbid prohibit ban,ask request,answer reply response,choose select pick,change alter modify,"
        "keep retain hold,send dispatch,bring carry,open launch,close shut,try attempt,plan scheme,idea notion concept,"
        "problem trouble issue difficulty,area region zone,place location site,river stream,mountain peak,sea ocean,"
        "animal creature beast,food nourishment,water liquid,land ground soil,sun star,energy power,oil petroleum,"
        "average mean typical,total whole entire,own possess,describe characterize portray,mention cite,consider regard,"
        "oppose resist,agree consent,demand claim,suggest propose recommend,cooperate collaborate work_together,refugee migrant"
    ).split(",")
]
_SYNONYMS = {word: [w for w in group if w != word] for group in _SAME for word in group}
_INFLECTED = re.compile(r"^(.{3,}?)(s|es|ed|d|ing)$")


def reword(question: str, rng: random.Random) -> str:
    """Put other words for the common ones of the question, endings kept where there are any."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if word in _SYNONYMS:
            return rng.choice(_SYNONYMS[word]).replace("_", " ")
        parts = _INFLECTED.match(word)
        for stem in (parts[1], parts[1] + "e") if parts else ():
            if stem in _SYNONYMS and parts:
                new = rng.choice([w for w in _SYNONYMS[stem] if "_" not in w] or [stem])
                ending = parts[2].replace("es", "s").replace("ed", "d")
                return _ended(new, ending)
        return word

    return _WORD.sub(other, question)


def _ended(word: str, ending: str) -> str:
    """Give `word` the ending s, d or ing, by the rule and not by the exceptions."""
    if ending == "ing":
        return (word[:-1] if word.endswith("e") else word) + "ing"
    if ending == "d":
        return word + ("d" if word.endswith("e") else "ed")
    return word + "s"


def spaced(text: str) -> str:
    """Blanks around the punctuation and TeX's quotes, as in tokenised text."""
    text = re.sub(r'"(?=\w)', "`` ", text)
    return " ".join(re.sub(r"([.,;:!?()\"%]|'s\b)", r" \1 ", text).replace('"', "''").split())


_SPANISH = dict(
    pair.split(":")
    for pair in (
        "who:quién when:cuándo where:dónde why:por_qué which:cuál what:qué how:cómo many:cuántos much:cuánto the:el "
        "of:de in:en and:y or:o was:fue were:fueron is:es are:son did:hizo does:hace do:hacen has:ha have:han had:tenía "
        "year:año country:país people:personas percent:por_ciento with:con for:para by:por to:a from:de from:desde "
        "number:número name:nombre first:primero new:nuevo city:ciudad government:gobierno border:frontera that:que "
        "war:guerra law:ley trade:comercio president:presidente company:empresa work:trabajo world:mundo a:un an:un "
        "agreement:acuerdo minister:ministro army:ejército energy:energía river:río water:agua money:dinero book:libro "
        "school:escuela university:universidad student:estudiante study:estudiar build:construir built:construido "
        "born:nacido died:murió created:creado founded:fundado called:llamado known:conocido used:usado made:hecho "
        "wrote:escribió written:escrito began:comenzó begin:comenzar start:empezar end:final more:más most:mayoría "
        "less:menos between:entre before:antes_de after:después_de during:durante about:sobre its:su his:su her:su "
        "their:su language:idioma church:iglesia king:rey queen:reina team:equipo game:juego film:película "
        "music:música song:canción disease:enfermedad doctor:médico house:casa street:calle island:isla sea:mar "
        "mountain:montaña north:norte south:sur east:este west:oeste american:estadounidense english:inglés french:francés "
        "german:alemán state:estado states:estados united:unidos party:partido member:miembro members:miembros "
        "percentage:porcentaje population:población area:área size:tamaño cost:costo price:precio pay:pagar long:largo "
        "old:viejo large:grande largest:mayor small:pequeño important:importante main:principal part:parte type:tipo "
        "kind:clase example:ejemplo reason:razón because:porque not:no can:puede could:podía should:debe must:debe "
        "would:haría there:hay system:sistema power:poder policy:política security:seguridad help:ayuda "
        "problem:problema problems:problemas change:cambio century:siglo day:día days:días month:mes time:tiempo life:vida"
    ).split()
)


def spanish(question: str) -> str:
    """A rough word-for-word Spanish form: the question words and a few nouns, names left as they are."""
    out = _WORD.sub(lambda m: _SPANISH.get(m.group().lower(), m.group()).replace("_", " "), question)
    return "¿" + out
