"""A day of something else, told by the words right beside it: «the 25th is our open day», «I've a christening on the 19th».

Promise: no session and no date of the programme stands here; bounded time for each mention.

What it does badly: it knows a few shapes of sentence, and takes whatever stands in one for a thing of its own unless
a word of it is one that members say of the training.
"""

from __future__ import annotations

import re

from parse.session_clauses import PERSON, WRITER

__all__ = ["is_away", "is_day_of_a_deed", "is_fronted", "is_of_something_else", "is_told_of", "is_when"]

_REACH = 100  # characters before a mention that are looked at
_GOOD = (  # «the 25th is a better day»
    "one|day|date|session|training|only|best|better|good|great|fine|safe|safer|choice|preference|pick|preferred|favourite|"
    "first|second|last|definite|yes|no|goer|possibility|option|must|winner|clear|free|perfect|easier|sure|likely|bit|lot|"
    "problem|afternoon|slot"
)
_TRAINING = (  # «the session that I picked is the 25th», «I've a place on the 19th»
    "it|that|this|mine|ours|i|we|me|us|what|which|who|one|wan|yin|there|place|places|spot|seat|slot|space|ticket|booking|"
    "reservation|date|dates|day|session|sessions|training|course|webinar|workshop|afternoon|choice|preference|pick|option|"
    "answer|favourite|best|better|suits?|date's|interest|first|second|other|next(?= one)|colleague|partner|pt|depute|tuesday|wednesday"
)
_COMES = "com|go|attend|join|do|tak|dial|logg|tun|plann|hop|look|book|register|intend|prefer|watch|sign|zoom|opt|choos|mak"
_IS_A = re.compile(
    r"\s*(?:,\s*)?(?:is|'s|wis|was|being)\s+(?:also\s+|already\s+|actually\s+)?"
    r"(?:(?:my|our|oor|wir|his|her|their|the|da|a|an)\s+|[PS][1-7]\b|(?-i:[A-Z][\w-]*'s)\s)"
    rf"(?!(?:[\w-]+\s+)?(?:{_GOOD})\b)"
    rf"|\s*(?:is|'s|wis)\s+(?!(?:{_GOOD}|my|our|the|a|an|burns|training|facilitator)\b)[a-z-]+\s+(?:day|night|nicht)\b",  # «Wednesday is gym day»
    re.I,
)
_BUSY = re.compile(rf"\s*,?\s*(?:i'm|i am|we're|we are|i'll be|we'll be)\s+(?!(?:{_COMES})ing\b)[a-z]{{3,}}ing\b", re.I)
_GETS = (  # what is said of the training, too: «I'm counting on the 25th»
    "go|put|opt|pick|choos|sign|book|register|swap|switch|mov|chang|tick|click|lean|ask|apply|want|keep|say|stick|aim|see|bring|send|com|ging|start|"
    "count|bank|rely|settl|bet|decid|agree|confirm|insist|focus"
)
_BUSY_BEFORE = re.compile(rf"\b(?:i'm|i am|we're|we are|i'll be|we'll be)\s+(?!(?:{_COMES}|{_GETS})[a-z]*ing\b)[a-z]{{3,}}ing\s+on\s+(?:the\s+)?$", re.I)
_FEW_WORDS = r"(?P<what>[\w'\u2019-]+(?: [\w'\u2019-]+){0,4}?)"
_THING_IS = re.compile(
    rf"(?:^|[,;:(]|\b(?:and|but|as|since|because|so)\b)\s*{_FEW_WORDS} (?:is|wis|are|falls)(?: on)?(?: the| da)? $",
    re.I,
)
_HAVE = re.compile(rf"\b(?:i|we)(?:'ve| have|'ve got| have got) (?:a|an|my|our) {_FEW_WORDS} (?:on|at|that is|that's)(?: the| da)? $", re.I)
_WE = r"(?:i|we|ah)(?:'m|'re| am| are|'ll be| will be|'ve| have|'ve got| have got| hae|'s)|there(?:'s| is| will be|'ll be)"
_FRONTED = re.compile(rf"\s*,?\s*(?:{_WE})\b", re.I)
_AWAY = re.compile(
    rf"\s*,?\s*(?:{_WE})\s+(?:(?:on|at|in|with|off|up|out|over|away|through|down in|down at)\s+)?(?:(?:a|an|my|our|the|da|his|her|their)\s+)?"
    r"(?P<what>[\w'\u2019-]+(?: [\w'\u2019-]+){0,4})",
    re.I,
)  # «the Wednesday I'm on the boat», «on the 19th I have an asthma clinic»
_A_THING = re.compile(r"\s+(?:a|an|my|our)\s+(?P<what>[\w'\u2019-]+(?: [\w'\u2019-]+){0,2})", re.I)  # «on the 25th a vet at 5.15»
_ON = re.compile(r"^\W*(?:(?:and|but|as|because|since|cos)\W+)?(?:on\s+)?(?:the\s+|da\s+)?$", re.I)
_GOES_THEN = re.compile(
    rf"\b(?:{_TRAINING}|{_GOOD}|you|yours|yous|ye|youse|list|link|call|register|waiting|facilitator|facilitators|"
    r"there|along|able|booked|signed|registered|enrolled|down|free|available|happy|keen|coming|going|joining|attending|hoping|planning|"
    r"aiming|doing|taking|choosing|picking|opting|cover|covered|nothing|off|in|on|not|no|unable|busy|board|both|all|still|now|only|"
    r"regist\w*|sign\w*|book\w*|enrol\w*|appl(?:y|ied)|requested|reserved|accepted|claimed|"
    r"opted|chosen|picked|ticked|gone|plumped|put|asked|said|been|had|to|just|also|already|since|then|decided|room|spaces)\b",
    re.I,
)
_STILL_COMES = re.compile(  # «the Wednesday I'll be a few minutes late», «I'm teaching till 2», but «I'm on a late shift»
    r"\b(?:(?:late|later|early|earlier)(?! (?:shift|shifts|turn|duty|start|bus|boat|ferry|flight|train)\b)|minutes?|mins?|"
    r"(?:logging|dialling|dialing|tuning|zooming|connecting|signing|hopping)(?! (?:off|out)\b)|(?:teaching|working|class) (?:till?|until|up to|tae))\b",
    re.I,
)
_WORD = r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*"
_SUBJECT = re.compile(
    r"^\W*(?:(?:and|but|as|because|since|so)\W+)?(?:our|the|my|an?|his|her|their|something|somebody|someone|[PS][1-7](?:/[1-7])?)\b"
    rf"(?P<what>(?: +{_WORD}){{2,9}}) *$",
    re.I,
)
_WHEN = re.compile(rf"\b(?:when|once|after|as soon as) (?:my|our|the|they|it|their|his|her)\b(?P<what>(?: +{_WORD}){{1,6}}) +on(?: the| da)? *$", re.I)
_FOR = re.compile(r"\b(?:for|fur|fir)(?: the| da)? *$", re.I)
_ABOUT_IT = re.compile(
    rf"\b(?:{_TRAINING}|manager|colleagues|team|department|group|cover|plan|vote|votes|decision|"
    r"intention|timetable|hours|rota|shifts|diary|allows?|permits?|leaves?|money|name|names|tick|cross|ring|circle|plumps?|goes|went|prefers?|wins?|won)\b",
    re.I,
)
_ONE_OF_OURS = re.compile(  # «my job share arrives on the 25th»; «the new teachers arrive on the 25th» is told of the school
    rf"^\W*(?:(?:and|but|as|because|since|so)\W+)?(?:my|our)\b(?: +{_WORD}){{0,2}}? +{PERSON}\b(?!['\u2019])", re.I
)
_OURS = re.compile(rf"\b(?:{_TRAINING})\b", re.I)

_OF_A_PLACE = re.compile(
    r"\b(?:you|yours|places?|spots?|seats?|slots?|spaces?|tickets?|bookings?|dates?|sessions?|training|course|webinar|workshop|names?|links?|list|ticks?|cross|"
    r"choice|option)\b",
    re.I,
)
_WITH_YOU = re.compile(r"\b(?:with|to|join|see|be) (?:you|yours|there)\b", re.I)
_THEIRS = re.compile(  # «on the 19th the group has its first outing»
    rf"\s*,?\s*(?:the|our) (?!{PERSON}\b|{_TRAINING}\b|others?\b|rest\b|two\b|team\b)[a-z]+ (?:has|have|is|are|holds?|meets?|does|do|begins?|visits?|opens?|"
    r"closes?) "
    r"(?P<what>[\w'\u2019-]+(?: [\w'\u2019-]+){0,4})",
    re.I,
)
_DEED = re.compile(  # «we put it to the parent council on the 19th», «I sat by the phone on the 19th»
    r"^\W*(?:(?:and|but|as|because|since|so|then)\W+)?(?:we|they|i)\s+(?:also |then |all |both |just )?"
    r"(?P<what>(?!(?:am|are|was|were|be|have|had|will|would|can|could|shall|should|may|might|must|need|do|did|go|"
    r"come|came|went|attend|join|take|took|make|made|get|got|want|hope|plan|book|sign|register|choose|chose|pick|opt|prefer|fancy|like|see|know|think|believe|understand|say|said|tick|click|spend|"
    rf"spent|meant|mean|enrol|apply|wish|ask|aim|intend|expect|manage|managed|look|learned|learnt|heard|found|"
    rf"enjoyed|loved)[a-z]*\b)[a-z]+(?: +{_WORD}){{1,8}})"
    r" +on(?: +the| +da)? *$",
    re.I,
)


def is_fronted(before: str, after: str) -> bool:
    """Whether the day stands in front of what somebody does then: «the Wednesday I'm on the boat»; ``before`` is what its clause says before it."""
    return _ON.match(before) is not None and _FRONTED.match(after) is not None


def is_away(before: str, after: str) -> bool:
    """Whether the writer is somewhere else that day, or has something else on, in words that follow the day."""
    if _ON.match(before) is None:
        return False
    told = _AWAY.match(after) or ((_A_THING.match(after) or _THEIRS.match(after)) if "on" in before.lower().split() else None)
    return told is not None and _GOES_THEN.search(told["what"]) is None and _STILL_COMES.search(told["what"]) is None


def is_told_of(before: str) -> bool:
    """Whether something that is not the training does something on the day: «Our inspectors arrive on the 25th»."""
    told = _SUBJECT.match(before)
    if _ONE_OF_OURS.match(before) is not None:
        return False
    return told is not None and _FOR.search(before) is None and _ABOUT_IT.search(told["what"]) is None and WRITER.search(told["what"]) is None


def is_when(before: str) -> bool:
    """Whether something else will have happened on the day: «I'll choose when my timetable is published on the 19th»."""
    told = _WHEN.search(before)
    return told is not None and _OURS.search(told["what"]) is None


def is_day_of_a_deed(before: str, after: str) -> bool:
    """Whether the writers do something that is not the training on the day, and say of no more: «I teach on the 19th and can be with you at two»."""
    deed = _DEED.match(before)
    return deed is not None and _OF_A_PLACE.search(deed["what"]) is None and _WITH_YOU.search(after) is None


def is_of_something_else(before: str, after: str, *, named: bool, spoken_for: bool) -> bool:
    """Whether the text around a day makes it another thing's.

    ``named``: the day goes by a name, such as Burns Night, which may be what the training is held on.
    ``spoken_for``: the sentence says that somebody comes.
    """
    near = before[-_REACH:]
    if _IS_A.match(after) or (not spoken_for and (_BUSY.match(after) or _BUSY_BEFORE.search(near))):
        return True  # also «I'm invigilating on the Wednesday»
    thing = _HAVE.search(near) or (None if named else _THING_IS.search(near))
    return thing is not None and _OURS.search(thing["what"]) is None
