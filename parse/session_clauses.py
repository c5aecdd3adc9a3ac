"""A sentence cut into clauses, each with the rules that hit in it and whose plan it tells.

Promise: every character of the sentence belongs to one clause; linear in the text.

What it does badly: there is no grammar here. A clause ends at a comma, a bracket or a joining word, and a
subject is a pronoun, a relation («my colleague») or a name at its beginning.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["PERSON", "POLARITY", "WRITER", "Clause", "clauses", "pieces", "whose"]

_CLAUSE = re.compile(
    r"[,;()]|:(?!\d\d\b)| - |\.\.+|(?<!\d)/(?!\d)|\b(?:but|(?<!\bdo )(?<!\bdid )(?<!\bdone )(?:"
    r"so(?<!\bnot so(?= (?:keen|good|great|handy|easy|sure|happy|fond)\b))|sae(?! mony| lang|\'s))|then(?! *[.!?)])(?! *$)|"
    r"though|although|however|because|cos|and(?! a half\b)|as|while|whereas|instead|since|"
    r"which|otherwise|"
    r"failing that|hence|therefore|unless|who(?:'s)?(?= (?:going|on|is|has|goes|will|booked|signed|attending|coming|went)\b)|an(?= (?-i:[A-Z])))\b",
    re.I,
)
_HAVING = re.compile(
    r"\W*(?:and |but )?(?:having|after|though|although|with)\b[^,;]*?"
    r"(?:\d(?:st|nd|rd|th)|day|one|session|date)( )(?=(?:I|we)(?:'ll|'m|'ve| am| will| have| can)\b)",
    re.I,
)
_FRONTED = re.compile(  # «As the 25th falls on our concert I have gone for the other one», where no comma ends the reason
    r"\W*(?:as|since|because|being|given that|seeing as|seeing that|while|whereas|with|having|though|although)\b(?! (?:i|we|for|to|of)\b)[^,;:]*?"
    r"\b(?!(?:that|which|who|whom|what|when|where|if|as|and|or|than|one|session|date|day|before|after|because|since|while|until)\b)[\w'\u2019]+( )"
    r"(?=(?:I|we)(?:'ve|'ll|'m| have| will| am| shall| asked| chose| picked| opted| booked| signed| went| took)\b)",
    re.I,
)
_HIDDEN_END = re.compile(r"(?<=\w)[.;] +(?=[A-Z])|(?<=\bI)\. +(?=[A-Z])")
_ENDS_NOT = re.compile(r"(?:\b(?:do|does|did|will|wo|ca|could|would|is|was|are|did)n'?t|\bcannot|\bnot|\b\w{2,4}nae|\bwinna|\bcanna|\bdinna)\W*$", re.I)
_ENDS_YES = re.compile(r"\b(?:does|do|can|could|will|would|is|are|wid|dis)\W*$", re.I)
PERSON = (
    r"(?:colleague|pal|friend|husband|wife|partner|neighbour|head|headteacher|heidie|depute|dht|ht|pt|principal|buddy|job share|jobshare|job-share|"
    r"probationer|student|rep|sister|brother|daughter|son|teacher|lecturer|librarian|technician|psa|assistant|mentor|facilitator|co-facilitator|"
    r"secretary|counterpart|opposite number)"
)
_NOT_A_NAME = r"(?!(?:mon|tue|wed|thu|fri|jan|yes|no|please|thanks|sorry|both|session|training|put|sign|book|down|in)[a-z]*\b)"
_BEGINS_A_SENTENCE = (  # in capitals, and no name: «Hence the 25th», «Probably the 19th»
    r"(?:hence|thus|therefore|then|instead|maybe|perhaps|mibbe|for|after|before|at|from|to|of|with|by|re|regarding|concerning|about|as|if|when|once|since|"
    r"because|what|whats|what's|how|hows|how's|when's|why|where|wheres|where's|whichever|either|neither|under|over|until|till|unless|despite|except|preferably|probably|possibly|ideally|hopefully|definitely|"
    r"certainly|actually|finally|really|surely|originally|initially|sadly|unfortunately|luckily|reserve|mark|add|give|make|take|choose|let|say|use|see|try|"
    r"choosing|taking|picking|making|reserved|wrote|ticked|clicked|selected|opted|went|came|count|enter|include|keep|note)"
)
_NAME = r"(?:(?:Mrs?|Ms|Miss|Dr)\.?\s+)?(?-i:[A-Z][a-z]+)(?:\s+(?-i:[A-Z][\w'-]+))?"
_ASIDE = r"(?:\s+\([^()]{1,30}\)|,\s*who[^,;.()]{1,60},)"  # «Kenny (maths) is coming», «Alan, who is in our group, is on the 25th»
_NAMED_ASIDE = re.compile(
    rf"{_NOT_A_NAME}(?P<name>{_NAME}){_ASIDE}\s*(?=(?:has|have|take|is|'s|will|wants|would|can|can't|hopes|booked|signed|got|goes|prefers|chose|picked|took|takes)\b)",
    re.I,
)
_OF_MINE = re.compile(r"\b(?:of|o) (?:mine|ours|wirs|oors)\b", re.I)  # «a colleague of mine»
_WHO = re.compile(r"\W*(?:and )?who(?:'s|\b)", re.I)
_HE = re.compile(r"\W*(?:(?:and|but) )?(?:s?he|they)\b", re.I)
_WITH = re.compile(
    rf"\b(?:with|like|unlike|alongside|beside|wi|from|by|via|through)\s+(?:(?:my|our|wir|oor|the)\s+(?:[\w-]+\s+){{0,2}}?{PERSON}|{_NOT_A_NAME}{_NAME})\s*$",
    re.I,
)
_ME = re.compile(
    r"\b(?:i|i'm|im|i've|ive|i'll|i'd|me|my own|we|we're|we've|us|both of us|myself|masel|mysel|ah|ah'm|ahm|a'm|wis|oot|mine|us|our|wir|oor|my name)\b", re.I
)
WRITER = re.compile(r"\b(?:i|i'm|im|i've|ive|i'll|i'd|me|we|we're|we've|we'll|us|ah|ah'm|ahm|a'm|myself|masel)\b", re.I)
_THIRD = re.compile(
    r"^\W*(?:(?:and|but|while|whereas|though|although|since|if|so|an|then|and then|plus|later|also)\s+)?(?:"
    r"(?:(?:my|ma|our|the|a|one|another|two|his|her|wir|oor)\s+(?:[\w-]+\s+){0,2}?"
    rf"(?:{PERSON}|colleagues|department|depts?|stage partner|faculty|team|rest|others|of them)\b)"
    r"|(?:the|our|my) (?:other|remaining|rest of the|last)\s+(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|pair|couple|half|few|lot|\d{1,2})\b"
    r"|the (?:other|first|second|third|fourth)(?=\s+"
    r"(?:two|three|half|to|on|at|goes|will (?:go|attend|come|join|take)|has|wants|is (?:on|going|down|booked|doing|coming|at))\b)"
    rf"|(?:one|two|three|some|most|another|all) of (?:the|our|my|wir|oor)\s+(?:[\w-]+\s+){{0,2}}?(?:{PERSON}s|other|others|team|group|department|faculty)\b"
    r"|(?:he|she|they|he's|she's|they're|hes|shes|who|others|someone|somebody|another|some|everyone)\b"
    r"|(?!(?:session|training|date|place|slot|course|booked|facilitator|choice|my|our|name|"
    r"mon|tue|wed|thu|fri|jan|yes|no|it|that|this|there|both|training|signed|also|just|had|have|going|hope|was|only|not|can|missed|chose|picked|got|took|doing|loved|enjoyed|joined|attended)[a-z]*\b)"
    rf"(?!{_BEGINS_A_SENTENCE}\b)(?:(?:Mrs?|Ms|Miss|Dr)\.?\s+)?(?-i:[A-Z][a-z]+)(?:\s+(?-i:[A-Z][\w'-]+))?(?:\s+(?:from|at|in|of)\s+(?-i:[A-Z][\w'-]+))?"
    r"(?:'s\s+(?!fine|good|best|ok|great|grand|better|out\b|ideal)\w+|\s+(?:has|is|will|wants|wanted|went|did|would|can|can't|"
    r"cannot|won't|isn't|couldn't|could|didn't|hasn't|wasn't|doesn't|might|should|"
    r"teaches|works|hopes|booked|signed|got|goes|comes|came|attends|joins|prefers|chose|picked|took|takes|"
    r"favours|fancies|likes|needs|opted|on the|the)\b))",
    re.I,
)
_MAY_THEY = re.compile(  # «Could Irene have my seat on the 19th?»
    rf"^\W*(?:and |but )?(?:could|can|may|might|would) {_NOT_A_NAME}{_NAME} (?:please )?(?:have|take|come|go|attend|join|be|get|use)\b", re.I
)
_ELLIPTIC = re.compile(  # «I've opted for the Wednesday, Mrs Dow for the Tuesday»
    r"^(?:[,;]|\s*(?:and|while|whereas|with)\b)\s*(?:(?:and|with)\s+)?"
    rf"{_NOT_A_NAME}(?:{_NAME}|him|her|them)\s+(?:(?:for|on|at|to|in)\s+)?(?:the\b|\d)"
    rf"|^\s*(?:and|but|while|whereas|though|although)\s+{_NOT_A_NAME}{_NAME}\s*$"  # «but Derek (P7) goes»
    rf"|^(?:[,;]|\s*(?:and|while|whereas|with)\b)\s*(?:and\s+)?(?:my|our|wir|oor|the)\s+(?:[\w-]+\s+){{0,2}}?{PERSON}\s+(?:for|on|at|to)\s+(?:the\b|\d)"
    r"|\bfor (?:her|him|them)\b(?! own\b)",
    re.I,
)
_OUR_ONE = re.compile(rf"^\W*(?:(?:and|but|while|whereas|though|although|since|if|so|an)\s+)?(?:our|wir|oor)\s+(?:[\w-]+\s+){{0,2}}?{PERSON}\b", re.I)
_SUPPOSES = re.compile(
    r"^\W*(?:and |but )?(?:i|we)(?:'m| am)? (?:think|believe|hear|gather|understand|know|see|assume|sure)(?: that)? (?!(?:i|we|my|our)\b)", re.I
)
_I_BELIEVE = re.compile(r"\b(?:i|we) (?:think|believe|hear|gather|understand)\W*$", re.I)  # «She's at the Tuesday one I believe»
_FOR_US = re.compile(r"\b(?:on behalf of|for) (?:us|me)\b|\bon (?:our|my) behalf\b|\bin (?:our|my) (?:place|stead)\b", re.I)  # who goes is somebody else
POLARITY = ("declines", "had", "takes", "joins", "goes", "undecided", "likes")  # of two in a clause the first counts


@dataclass(slots=True)
class Clause:
    """A stretch of a sentence; ``joint`` is the sign or word that it begins with."""

    start: int
    end: int
    joint: str
    text: str
    labels: dict[str, str] = field(default_factory=dict)  # of the rules that hit here, with the first rule's id
    turns: bool = False  # says only that it is otherwise than in the clause before: «the 19th clashes, the 25th doesn't»

    def polarity(self) -> str:
        """The label that decides what the clause says of a session, if any."""
        return next((label for label in POLARITY if label in self.labels), "")


def pieces(text: str, start: int) -> Iterator[tuple[str, int]]:
    """A sentence, cut where an abbreviation's stop hid its end: «Wed 19 Jan. I teach until then.»"""
    at = 0
    for match in _HIDDEN_END.finditer(text):
        yield text[at : match.end()], start + at
        at = match.end()
    yield text[at:], start + at


def clauses(text: str, cues: Sequence[tuple[str, str, int, int]]) -> list[Clause]:
    """The clauses of a sentence, each with the rules that hit in it."""
    found: list[Clause] = []
    start, joint = 0, ""
    asides = [match.span() for match in _NAMED_ASIDE.finditer(text)]
    if (having := _HAVING.match(text) or _FRONTED.match(text)) is not None:  # «Having missed the 19th I'll catch the second»
        found.append(Clause(0, having.start(1), "", text[: having.start(1)]))
        start = having.start(1)
    for match in _CLAUSE.finditer(text, start):
        if any(begin < match.start() < end for begin, end in asides):
            continue
        said = text[start : match.start()]
        if match.group()[:3].lower() == "who" and not said.strip(" ,("):
            continue  # the comma before it has begun the clause
        found.append(Clause(start, match.start(), joint, said))
        sign = {"sae": "so"}.get(sign := match.group().strip().lower(), sign)
        start, joint = match.start(), joint if sign in ":," and said.strip().lower() == joint == "so" else sign  # «so: the other»
    found.append(Clause(start, len(text), joint, text[start:]))
    begins = [clause.start for clause in found]
    for label, rule, first, last in cues:
        end = first + max(1, len(text[first:last].rstrip(" ,;:()")))  # a sign that ends a cue opens the next clause
        for index in range(bisect_right(begins, first) - 1, bisect_right(begins, end - 1)):
            found[index].labels.setdefault(label, rule)
    for clause in found:
        if _ENDS_NOT.search(clause.text):  # «Wednesday doesn't»
            clause.turns = not clause.polarity()
            clause.labels.setdefault("declines", "session.cannot")
        elif _ENDS_YES.search(clause.text):  # «Tuesday does»
            clause.turns = not clause.polarity()
    return found


def whose(clause: Clause, before: str, *, previous: Clause | None = None) -> str:
    """Whose plan a clause tells: ``me`` (or us), somebody ``other`` who takes part, or an ``outsider``; ``previous`` is the clause before it."""
    if _WHO.match(clause.text):  # «the second session with Mrs Devaney, who's going to the first»
        if previous is not None and "outsiders" in previous.labels:
            return "outsider"  # «my pal in Fife, who's going on the 25th»
        return "other" if before == "me" and previous is not None and _WITH.search(previous.text) else before
    text = _NAMED_ASIDE.sub(r"\g<name> ", _SUPPOSES.sub("", _I_BELIEVE.sub("", clause.text)))
    if "outsiders" in clause.labels and not WRITER.search(text):
        return "outsider"
    if (_THIRD.search(text) or _MAY_THEY.match(text) or _ELLIPTIC.search(text)) and not _ME.search(_FOR_US.sub("", _OUR_ONE.sub("", _OF_MINE.sub("", text)))):
        return "outsider" if before == "outsider" and _HE.match(text) else "other"  # «My wife, who teaches too, hopes that she'll be there»
    if _ME.search(_FOR_US.sub("", text)) or "same" in clause.labels:
        return "me"
    return before
