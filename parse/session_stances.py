"""What the words around a mention of a session make of it: ticked boxes, pairs («from A to B»), conclusions and what led to them.

Each function looks at mentions that have a place already (``sessions``) and settles their stance, alone or against
each other. Promise: no session and no date of the programme stands here; linear in the text.

What it does badly: it goes by order and by joining words, so a plan told in a roundabout way keeps the stance of its parts.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import date

from mailroom.model import Candidate
from parse.session_clauses import Clause
from parse.session_mentions import Mention

__all__ = [
    "GOES",
    "SO",
    "WORD",
    "Context",
    "Event",
    "alone",
    "content",
    "drop_after_refusal",
    "drop_merely_named",
    "drop_what_led_here",
    "go_back",
    "led_to",
    "narrow_whole",
    "settle_pairs",
    "stands_near",
    "stay_refused",
    "take_answer",
    "tell_owners",
    "ticked_box",
    "told_before",
    "turn_to",
    "untick_others",
]

SO = {"so", "hence", "therefore", "then"}
_TICK = r"(?:[\u2611\u2612\u2713\u2714\u2705\u2718]|\[ ?[xX\u2713\u2714] ?\]|\( ?[xX\u2713\u2714] ?\))"
_CHECK = re.compile("[\u2713\u2714\u2705]")
_CROSSED_AFTER = re.compile(r"\s*[:=\-]?\s*[\u2717\u2718\u274c\u2716]")
_BOX = re.compile(_TICK + r"|[\u2610\u25a1\u25a2\u274f]|\[ ?\]|\( ?\)|\[_+\]")
_TICKED = re.compile(_TICK + r"\s*$")
_UNTICKED = re.compile(r"(?:[\u2610\u25a1\u25a2\u274f]|\[ ?\]|\( ?\)|\[_+\])\s*$")
_TICKED_AFTER = re.compile(r"\s*\)?\s*(?:[|:=\-]\s*)*(?:" + _TICK + r"|(?:x|y|yes|aye|tick|ticked)\b)[\s|.!]*$", re.I)
_UNTICKED_AFTER = re.compile(r"\s*\)?\s*(?:[|:=\-]\s*)*(?:[\u2610\u25a1\u25a2\u274f]|\[ ?\]|\(  ?\)|_{2,}|(?:n|no|naw)\b)[\s|.!]*$", re.I)
_ANSWER = re.compile(
    r"(?:\s*\)?\s*[\-:=|(\[]+|(?:'s| is| wis)(?: a)?)"
    r"\s*(?:(?P<yes>yes|aye|y|x|confirmed|booked|attending|accepted)|(?P<no>no|n|naw|declined|refused|not attending|can't|cannot|unable|left blank|blank))\b"
    r"(?: please| thanks| thank you)?(?: (?:from|for) (?:me|us))?[\s\])]*(?:$|[,;.|/]|(?=\d)|(?=(?:the )?\w+day\b))",
    re.I,
)  # «19 Jan - No, 25 Jan - Yes»
_FROM = re.compile(r"\b(?:from|off)\s+(?:the\s+)?$", re.I)
_OFF = re.compile(r"\b(?:off|aff|out of)\s+(?:the\s+)?$", re.I)  # «off the 19th, on the 25th»
_ON = re.compile(r"\s*[,;]?\s*(?:and\s+)?(?:on|onto|in|into)\s+(?:the\s+)?", re.I)
_SPAN = re.compile(r"\bfrom\s+(?:the\s+|last\s+)?$", re.I)
_TO = re.compile(r"\b(?:to|onto|on to|into|for|tae)\s+(?:the\s+)?$", re.I)
_I_CAN = r"(?: (?:i|we)(?:'ll| can| could)(?: (?:do|make|manage|take|attend))?)?"  # «the 19th or I can manage the 25th»
_OR = re.compile(rf"\s*(?:,\s*)?(?:\bor(?: on| else)?{_I_CAN}|/|and/or|\bv\b|vs)\s*(?:on\s+)?(?:the\s+)?(?:on\s+)?$", re.I)
_AND = re.compile(r"\s*(?:,\s*)?(?:and(?: on)?|an|&|\+|plus|as well as|and also)\s*(?:for\s+|on\s+|to\s+)?(?:the\s+)?$", re.I)
_BOTH = re.compile(r"\b(?:both|baith)\s+(?:on\s+|for\s+)?(?:the\s+)?$", re.I)
_ARE_BOTH = re.compile(r"\s*(?:are|is|hae been|have been)(?: now)? (?:both|baith)\b", re.I)
_FIELD = re.compile(r"\b(?:sessions?|trainings?|dates?|booked)\s*[:=-]\s*$", re.I)  # «Sessions: 19/01 and 25/01»
_NOT_THIS = re.compile(r"\b(?:not|no|nae|no')\s+(?:for\s+|on\s+|to\s+|in\s+)?(?:the\s+|da\s+)?$", re.I)
_BUT_THIS = re.compile(r"\s*[,;:-]?\s*(?:but\s+|rather\s+)?(?:for\s+|on\s+|to\s+|in\s+)?(?:the\s+|da\s+)?", re.I)
_MY_DAY = re.compile(r"\b(?:me|myself|masel|mine)\b\W{0,3}(?:the |on |for )?$", re.I)
_THEIR_DAY = re.compile(  # «Moira 25th, me 19th», «Fi: 19th. Me: 25th.»
    r"(?:^|[,;.&(]|\band\b)\s*(?![A-Z][a-z]+(?:ing|ed|ion|ions|ence|able)\b|(?:Course|Workshop|Webinar|Facilitator|Choice|Answer|Slot|Place|Pick|When|Which|Event|Afternoon|Session|Training|Date|Wed|Tue|Jan|Yes|No|Please|Both|The|On|And|But|So|Me|Myself|Mine|Booked|Day|First|Second)[a-z]*\b)"
    r"(?:(?:Mrs?|Ms|Miss|Dr)\.? )?[A-Z][a-z]+(?: [A-Z][\w'-]+)?(?P<colon>\s*:)?\W{0,3}(?:the |on |for )?$"
)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$", re.I)
_PREFER = re.compile(r"\bprefer(?:red)?\b", re.I)
_WHETHER = re.compile(r"\b(?:whether|asked (?:me )?if)\b[^,;]*$", re.I)
_BUT_NOW = re.compile(  # «signed up for the 19th but can only make the 25th now»
    r"\b(?:but|though|however)\b.*\b(?:only|now|instead|rather|prefer|better|"
    r"suits?|easier|has to|have to|needs? to|must)\b|\bwhen (?:i|we) (?:really )?(?:meant|wanted|needed)\b",
    re.I,
)
_NOW = re.compile(r"\s*(?:now|instead)\b", re.I)
_AS_WELL = re.compile(r"\s*,?\s*as well\b(?! as\b)", re.I)
_INSTEAD = re.compile(r"\s*(?:session |date |one |training |slot )?instead\b(?! of)", re.I)
_MEANT = re.compile(r"\b(?:meant|meaning)\b", re.I)
_WOULD_SUIT_BETTER = re.compile(r"\s*(?:would|'d) (?:be|suit|work)(?: (?:me|us))? (?:much |even |far )?(?:better|easier|preferable|best)\b", re.I)
_WILL_DO = re.compile(r"\s*(?:is |'s |would be |looks )?(?:poss|possible|possibly|ok|okay|fine|doable|manageable|will do|would do|at a push)\b", re.I)
_BETTER = re.compile(r"\s*(?:is |'s |would be |even |much |far )*(?:better|best|preferred|preferable|easier|ideal|perfect)\b", re.I)
_IS_BETTER = re.compile(
    r" (?:is|suits?|works?|fits?|would be|would suit)\b[^,;.]*\b(?:better|handier|easier)\b|(?:'s| is| would be) (?:better|handier|easier|best)\b", re.I
)
_TOLD = re.compile(
    r"\b(?:confirmation|invite|invitation|link|e-?mail|system|list|calendar|reply|receipt|says|shows|(?:put|have|got) (?:me|us)|"
    r"given|allocated|assigned)\b",
    re.I,
)
_WISHED = re.compile(r"\b(?:would|'d)\s+(?:\w+\s+){0,2}?(?:prefer|rather|sooner|like|love)\b", re.I)
_BUT = re.compile(r"\b(?:but|though|however)\b", re.I)
_ONLY = re.compile(r"\b(?:only|just)\b", re.I)
_LEAVES = re.compile(r"\bleav(?:es|ing)\b", re.I)
_WITHOUT = re.compile(r"\bwithout\b[^.]*\b(?:and|so|i've|we've)\b", re.I)  # «neither date without cover, and have put in for the Wednesday»
_IS = re.compile(r"(?:'s| is| wis) ", re.I)
_CONTRAST = re.compile(r"\b(?:but|though|although|however|unless|except|instead|otherwise|failing that)\b", re.I)
GOES = {"takes", "joins", "goes"}
# «so the 25th it'll be»
_EMPTY = frozenset(
    (
        "pls",
        "plz",
        "sae",
        "noo",
        "it",
        "the",
        "on",
        "make",
        "me",
        "be",
        "ll",
        "will",
        "is",
        "must",
        "would",
        "has",
        "to",
        "then",
        "please",
        "for",
        "that",
        "thanks",
    )
)
_YES_OR_NO = {"y": "takes", "yes": "takes", "aye": "takes", "n": "declines", "no": "declines", "naw": "declines"}
WORD = re.compile(r"[A-Za-z]{2,}")


@dataclass(slots=True)
class Context:
    """What is known of the sentence that a mention stands in."""

    text: str
    labels: set[str]
    talked: bool  # the training was spoken of just before
    heading: bool  # ... by a line that announces an answer
    short: bool  # nothing much stands in the sentence besides the mentions
    goes: list[tuple[int, int]]  # where words stand that are said of much else
    dated: list[int]  # where words end that make the day right behind them one on which something was written or sent
    today: date | None
    deeds: list[int]  # ... one on which something was done about the booking
    explained: bool = False  # whatever is about something else has a day of its own: «the 19th works; the 25th is our supper»
    asked: bool = False  # a quoted question asks for a session, and this answers it
    single: bool = False  # it names no other day
    said: str = ""  # what was made of the last session before, in this sentence or the one before


Event = tuple[str, Mention, Candidate]


def ticked_box(text: str, mention: Mention, before: str, after: str, *, short: bool) -> bool | None:
    """Whether a box for this mention is ticked, None if it has none. Boxes stand before their options or after them."""
    if _CROSSED_AFTER.match(after) and _CHECK.search(text):
        return False  # «19th ✓ 25th ✗»
    first = _BOX.search(text)
    if first is not None and first.start() < mention.start and _BOX.search(before[-12:]) and not _ends_with_mention(text[: first.start()]):
        return True if _TICKED.search(before) else False if _UNTICKED.search(before) else None
    if first is not None and (box := re.match(r"\s*\)?\s*[:|=\-]?\s*", after)) is not None and _BOX.match(after, box.end()):
        return re.match(_TICK, after[box.end() :]) is not None
    if (answer := _ANSWER.match(after)) is not None:
        return answer["yes"] is not None
    if short and _TICKED_AFTER.match(after):
        return True
    return False if short and _UNTICKED_AFTER.match(after) else None


def _ends_with_mention(text: str) -> bool:
    """«19 Jan [X]»: a box after a number or a month belongs to what stands before it."""
    return re.search(r"(?:\d|st|th|nd|rd|jan\w*\.?|day|wed|tues?|weds)\)?\s*[:=\-|]?\s*$", text, re.I) is not None


def take_answer(text: str, labels: set[str], asked: list[Event]) -> None:
    """«The 25th? Maybe.» and «Available 19/1? Y»"""
    answer = _YES_OR_NO.get(re.sub(r"\W", "", text).lower()) or next((label for label in ("declines", "undecided") if label in labels), None)
    for _, mention, _ in asked:
        if answer and mention.stance in ("takes", "asked"):
            mention.stance = answer
            mention.rule = "session.ticked" if answer == "takes" else mention.rule


def untick_others(events: list[Event]) -> None:
    """In a list where one option is ticked, the others are not chosen for standing there."""
    if any(mention.rule == "session.ticked" for _, mention, _ in events):
        for _, mention, _ in events:
            if mention.stance == "takes" and mention.bare and mention.rule != "session.ticked":
                mention.stance = "unticked"


def drop_merely_named(events: list[Event]) -> None:
    """Where words choose one session, a day that is only named is the reason or something else: «On the 19th I've a clinic. I'm going on the 25th.»"""
    ruled = [(session, mention.owner) for session, mention, _ in events if mention.stance == "takes" and mention.rule and len(mention.sessions) == 1]
    taken = {session for session, _ in ruled}
    taken_by_me = {session for session, owner in ruled if owner == "me"}
    takes_one_of_several = any(len(mention.sessions) > 1 and mention.stance == "takes" and mention.owner == "me" for _, mention, _ in events)
    for session, mention, _ in events:
        if takes_one_of_several and mention.stance == "takes" and len(mention.sessions) == 1 and not (mention.rule or mention.bare):
            mention.stance = "elsewhere"  # «Our library opens on the 19th. I'm joining the training the week after.»
        firm = taken_by_me if mention.owner == "me" else taken
        if firm and session not in firm and mention.stance == "takes" and not (mention.rule or mention.linked or mention.bare):
            mention.stance = "elsewhere"


def drop_what_led_here(clauses: list[Clause], done: list[Mention]) -> None:
    """«There's a night out on the 19th, so I'm down for the 25th»: what led to the choice is no choice."""
    for clause in clauses:
        if clause.joint in SO or _LEAVES.search(clause.text):
            firm = {m.sessions for m in done if clause.start <= m.start < clause.end and m.stance == "takes" and (m.rule or alone(m, clause))}
            led_to([mention for mention in done if mention.start < clause.start], firm)


def led_to(before: list[Mention], firm: set[frozenset[str]]) -> None:
    """A day that was merely named before a conclusion is its reason, and no choice."""
    for mention in before:
        if firm and mention.stance == "takes" and not mention.rule and mention.sessions not in firm:
            mention.stance = "elsewhere"


def turn_to(mention: Mention, before: list[Mention], turned: int) -> None:
    """«I was put down for the 19th but the head's away that day, so I'm the 25th»: what stood before the «but», at ``turned``, was the plan."""
    for earlier in before:
        if earlier.stance == "takes" and earlier.owner == "me" and earlier.start < turned and earlier.sessions != mention.sessions:
            earlier.stance = "had"


def go_back(events: list[Event]) -> None:
    """«Put me back to where I started»: what was named first counts again, and nothing that came after it."""
    first = next((mention for _, mention, _ in events if mention.stance in ("takes", "had", "replaced", "declines") and len(mention.sessions) == 1), None)
    for _, mention, _ in events:
        if first is not None and mention.stance in ("takes", "had", "declines", "replaced"):
            mention.stance = "takes" if mention is first else "replaced"


def told_before(mentions: list[Mention]) -> bool:
    """«(I'd put the 19th, then my class got moved.)» tells of the choice before, and does not undo the one just made."""
    stances = {mention.stance for mention in mentions}
    return "had" in stances and stances <= {"had", "elsewhere"}


def drop_after_refusal(mentions: list[Mention], end: int, text: str) -> None:
    """«Neither date, sorry; the fair is the 25th and I'm in the shed on the 19th»: what follows says why, or who goes without the writer."""
    for mention in mentions:
        contrast = _CONTRAST.search(text[end : mention.start]) is not None and mention.owner == "me"
        contrast = contrast or (mention.own and bool(mention.rule) and _WITHOUT.search(text[end : mention.start]) is not None)
        if mention.start >= end and mention.stance == "takes" and not contrast:
            mention.stance = "elsewhere"


def stay_refused(mentions: list[Mention], text: str) -> None:
    """«I asked for the 19th, not the 25th; the 25th is Burns Night and I'm the haggis»: what is told of a day that was just refused takes it no more."""
    refused: frozenset[str] = frozenset()
    for number, mention in enumerate(mentions):
        if mention.stance == "declines":
            refused |= mention.sessions
        elif mention.stance == "takes" and mention.sessions <= refused and _IS.match(text, mention.end):
            for later in mentions[number:]:
                if later.sessions == mention.sessions and later.stance == "takes":
                    later.stance = "elsewhere"


def narrow_whole(earlier: list[Mention], mentions: list[Mention], text: str) -> None:
    """«I'm down for both, but I'll only come to the first», «both, one for me and one for my PT. I'm the 25th»."""
    contrast = next((m for m in reversed(mentions) if not m.whole and m.stance == "had" and _CONTRAST.search(text[: m.start])), None)
    last = next((m for m in reversed(mentions) if not m.whole and m.owner == "me" and m.stance == "takes"), contrast)
    if last is None:
        return
    if last is contrast and any(m.whole and m.stance == "takes" for m in earlier):
        last.stance = "takes"  # «I'm free on both afternoons. I have, however, asked for the earlier.»
    only = (_ONLY.search(text[: last.start]) or _CONTRAST.search(text[: last.start])) is not None
    if not (last.own or only):
        return
    for mention in [*earlier, *(m for m in mentions if m.start < last.start)]:
        if mention.whole and mention.stance == "takes" and (mention.shared or only):
            mention.stance = "replaced"


def content(text: str) -> int:
    """How many words say something."""
    return sum(word.lower() not in _EMPTY for word in WORD.findall(text))


def alone(mention: Mention, clause: Clause) -> bool:
    """Whether the clause says nothing but the day."""
    outside = clause.text[: mention.start - clause.start] + " " + clause.text[mention.end - clause.start :]
    return len([word for word in WORD.findall(outside) if word.lower() not in {clause.joint, *_EMPTY}]) == 0


def stands_near(mention: Mention, context: Context) -> bool:
    """«I'll do Tuesday» is said of a session, «I'll do the second round on Tuesday» is not."""
    for start, end in context.goes:
        if end > mention.start:
            if len(context.text[mention.end : start].split()) <= 4:
                return True
        elif len(context.text[end : mention.start].split()) <= 2:
            return True
    return False


def tell_owners(mentions: list[Mention], text: str) -> None:
    """A name, or «me», right before each of several days says whose it is."""
    mine = [mention for mention in mentions if _MY_DAY.search(text[max(0, mention.start - 20) : mention.start])]
    for mention in mine:
        mention.owner, mention.own = "me", True
    for mention in mentions:
        named = _THEIR_DAY.search(text[max(0, mention.start - 40) : mention.start])
        if named is not None and (mine or named["colon"]) and mention not in mine:
            mention.owner = "other"


def settle_pairs(mentions: list[Mention], context: Context) -> None:
    """«from A to B», «A or B», «A and B», «A or B: B»."""
    text, labels = context.text, context.labels
    for one, other in itertools.pairwise(mentions):
        between = text[one.end : other.start]
        ours = one.owner == other.owner == "me" and one.sessions and other.sessions
        if ours and one.stance in ("takes", "had") and other.stance == "takes" and _AS_WELL.match(text[other.end :]):
            one.stance = "takes"  # «I was only going to do the 19th but I'll do the 25th as well»
            continue
        if ours and other.stance in ("takes", "had") and one.sessions != other.sessions and _MEANT.search(between):
            one.stance, other.stance = "declines", "takes"  # «ticked 19th, meant 25th»
            continue
        if ours and one.stance == "takes" and other.stance == "takes" and one.sessions != other.sessions and _INSTEAD.match(text[other.end :]):
            one.stance = "declines"  # «I'm down for the 19th; could I have the 25th instead?»
            continue
        if (
            ours
            and one.stance == other.stance == "takes"
            and one.sessions != other.sessions
            and _IS_BETTER.match(between)
            and _IS_BETTER.match(text[other.end :])
        ):
            one.stance = other.stance = "undecided"  # «Wednesday suits my class better and Tuesday suits my childminder better»
            continue
        if ours and one.stance == "takes" and other.stance == "takes" and _WOULD_SUIT_BETTER.match(text[other.end :]):
            one.stance = "conditional"  # «I'm on the 19th and the 25th would be better»
            continue
        if ours and one.stance == "takes" and other.stance == "takes" and _WILL_DO.match(between) and _BETTER.match(text[other.end :]):
            one.stance = "conditional"  # «19th possible, 25th better»
            continue
        if one.sessions == other.sessions:
            continue
        if ours and "either" in labels and not GOES & labels and one.stance == other.stance == "takes" and {one.rule, other.rule} <= {"", "session.likes"}:
            one.stance = other.stance = "undecided"  # «19th, 25th, it's all the same to me»
            continue
        if one.form == other.form == "weekday" and not (one.sessions and other.sessions) and _AND.fullmatch(between):
            one.stance = other.stance = ""  # «Tuesday and Thursday» are days of work
            continue
        if one.stance == "takes" and other.stance == "takes" and _WISHED.search(text[: one.start]) and _BUT.search(between) and other.owner == "me":
            one.stance = "declines"  # «I'd prefer the 25th but have put down the 19th»
            continue
        if len(between) < 25 and _OR.search(between) and _WHETHER.search(text[: one.start]):
            one.stance = other.stance = "undecided"  # «they asked whether I wanted the 19th or the 25th»
            continue
        if _NOT_THIS.search(text[: one.start]) and _BUT_THIS.fullmatch(between) and one.sessions and (context.talked or context.short):
            one.stance, other.stance, other.rule = "declines", "takes", "session.contrast"  # «Not the first one, the other one, please»
            continue
        mine = one.owner == other.owner == "me"
        if (
            mine
            and one.stance == "takes"
            and other.stance == "takes"
            and (_BUT_NOW.search(between) or (_BUT.search(between) and _NOW.match(text[other.end :])))
        ):
            one.stance = "declines"
            continue
        if mine and one.stance in ("takes", "had") and other.stance == "had" and _CONTRAST.search(between) and _TOLD.search(text[: one.start]):
            one.stance = "declines"  # «I got a confirmation for the 19th though I'd asked for the 25th»
            continue
        moves = {"changes", *GOES, "had"} & labels or context.short
        elsewhere = ("changes" not in labels) if not (one.sessions and other.sessions) else not moves
        if elsewhere and _SPAN.search(text[: one.start]) and _TO.fullmatch(between.lstrip()):
            one.stance = other.stance = "elsewhere"  # «the broadband was off from the Friday to the Tuesday»
            continue
        leaves = text[max(0, one.start - 16) : one.start]
        if ((_FROM.search(leaves) and _TO.search(between)) or (_OFF.search(leaves) and _ON.fullmatch(between))) and one.sessions and other.sessions:
            one.stance, other.stance = "declines", "takes"
        elif (
            one.sessions
            and other.sessions
            and (
                (_TO.fullmatch(between.lstrip()) and _PREFER.search(text[: one.start])) or (_FROM.search(between) and len(between) < 30 and "changes" in labels)
            )
        ):
            one.stance, other.stance = "takes", "declines"
        elif (
            _OR.search(between)
            and len(between) < 25
            and "session.ticked" not in (one.rule, other.rule)
            and one.stance in ("takes", "undecided")
            and other.stance in ("takes", "undecided")
        ):
            one.stance = other.stance = "declines" if "declines" in (one.stance, other.stance) else "undecided"
        elif _BETWEEN.search(text[: one.start]) and _AND.fullmatch(between):
            one.stance = other.stance = "undecided"
        elif _AND.fullmatch(between) and one.stance and other.stance and "outsider" not in (one.stance, other.stance):
            if "undecided" in (one.stance, other.stance):
                one.stance = other.stance = "undecided"
            elif (
                one.stance == other.stance == "takes"
                and other.rule not in ("", "session.likes")
                and (_BOTH.search(text[: one.start]) or _ARE_BOTH.match(text[other.end :]))
            ):
                one.rule = one.rule or other.rule  # «both the 19th and the 25th are in my diary»
            elif (
                one.stance == "takes"
                and not GOES & context.labels
                and not (context.short and (context.heading or "likes" in labels or _FIELD.search(text[: one.start])))
            ):  # «training is on the 19th and the 25th» tells, and chooses neither
                one.stance = other.stance = ""
            else:
                other.stance = one.stance
    taken = [mention for mention in mentions if mention.stance in ("takes", "had") and len(mention.sessions) == 1]
    if taken and taken[-1].stance == "had":  # «the 19th please (I'd said the 25th, then my class got moved)»
        taken = [mention for mention in taken if mention.stance == "had"]
    if "changes" in labels and len({next(iter(mention.sessions)) for mention in taken}) > 1:
        for mention in taken:
            if mention.sessions != taken[-1].sessions:
                mention.stance = "declines"
    unsure = [i for i, m in enumerate(mentions) if m.stance == "undecided"]
    if unsure and unsure[-1] + 1 < len(mentions) and "undecided" not in labels:
        later = mentions[unsure[-1] + 1]
        if later.sessions and not later.stance:
            later.stance = "takes"
