"""What stands between two names, or right behind one: lists, the next person, the split of a week, a career, marks and years.

Shapes of text, not words of a programme; each takes a stretch of at most 200 characters, so that all stay linear.
"""

from __future__ import annotations

import re

__all__ = ["AND_ME", "DAYS_GAP", "LIST_GAP", "MARKED", "NEXT_PERSON", "THEN_GAP", "TO_GAP", "years_over"]

LIST_GAP = re.compile(
    r"^(?:\s*(?:in\s+)?\([^()\n]{1,60}\)|\s*,\s*(?:one|two|three|four|five|six)(?: of us| teachers?| staff)?\s*[,;])?[\s,;/&+()\d\u2013-]*"
    r"(?:(?:and|an'?|or|both|nor|of|plus|with|as well as|along with|together with|alongside)\b[\s,/&()-]*(?:from\s+)?|(?<=,\s)from\s+)?"
    r"(?:(?:in|of|the|also|her|his|their|at|my|our|own|ourselves)\b[\s,]*)*$",
    re.I,
)
# «me (Ashmuir High), Jo at Elmbank and Big Stuart from Fairlea», «Ashmuir High and the folk at Elmbank»: the gap between two who have a school each.
NEXT_PERSON = re.compile(
    r"^(?:\s*\([^()\n]{1,60}\))?[\s,;&+()\u2013-]*(?:(?:and|plus|with)\b\s*)?"
    r"(?:(?:(?i:big|wee|young|old|our|my|the) ){0,2}[A-Z][\w.'\u2019-]*"
    r"(?:(?: |,? (?:and|plus) | ?[+&] ?)(?!at |in |from )[A-Z][\w.'\u2019-]*){0,3}(?:\s*\([^()\n]{1,60}\))?"
    r"|(?:my|our) [a-z-]+(?: [A-Za-z-]+){0,2}"
    r"|(?:a|another|one) (?:[a-z]+ )?(?:colleague|teacher|lecturer|librarian|friend|pal)"
    r"|(?:(?:the|our) )?(?:(?:two|three|four) )?(?:[a-z]+ (?:department|dept|team|staff)|folk|staff|team|teachers|colleagues|people|ones|others))"
    r"(?:'s|\u2019s)?(?:,? who(?:'s|\u2019s| is| are)| is| are|'s|\u2019s)?(?: (?:over|up|down|across|both|all|also))?"
    r"(?:[\s,(:]*(?:at|in|from|of|,|\(|on (?:the )?[A-Z][\w'-]* ?\()|,? who (?:does|covers|has|serves|runs))\s*"
    r"(?:[\w/&]+(?: [\w/&]+){0,2},\s*)?(?:the )?$"  # «(P7, Ashmuir Primary»
)
# «Jo at Ashmuir High, Isla at Elmbank and me at Fairlea»: the gap between the last of the others and the writer.
AND_ME = re.compile(
    r"^(?:\s*\([^()\n]{1,60}\))?[\s,;]*(?:and|&|\+|plus)\s*(?:me|myself|i|i'm|i am)(?: (?:over|up|down|here))?[\s,(:]*(?:at|in|from|of)\s+(?:the )?$", re.I
)
# «at Ashmuir High three days and at Elmbank the other two»: the gap between two between which a week is split.
DAYS_GAP = re.compile(
    r"^(?=.*(?:\b(?:days?|weeks?|(?:mon|tues?|wednes|thurs?|fri)(?:days?)?|weds?|mornings?|afternoons?|halves|half)\b|\b0?\.\d\b))"
    r"(?:[\s,;:&()/+\u2013-]|\b(?:on|for|the|other|first|last|one|two|three|four|five|half|a|an|few|my|days?|weeks?|(?:mon|tues?|wednes|thurs?|fri)(?:days?)?|weds?|"
    r"mornings?|afternoons?|each|every|of|to|till|until|and|plus|at|in|then|alternate|\d(?:[.,]\d)?)\b)+$",
    re.I,
)
# «I taught at Ashmuir for nineteen years and then at Elmbank High»: what was over before is over still.
THEN_GAP = re.compile(
    r"^[\s,]*(?:(?:for )?(?:[\w-]+ ){1,2}(?:years?|terms?|months?)[\s,]*)?(?:and|,)?\s*"
    r"(?:then|after that|later|before that|subsequently|previously)\b[\s,]*(?:(?:at|in|to)\s*)?$"
    r"|^[\s,]*(?:for )?(?:[\w-]+ ){1,2}(?:years?|terms?|months?)[\s,]*(?:and )?(?:at|in) $"  # «in Elmbank for nine years and in Fairlea for six»
    r"|^[\s,]*(?:for )?(?:[\w-]+ ){1,3}(?:years?|terms?|months?)\s*[(:,\u2013-]\s*"  # «in Perth for six years (Elmbank High»
    r"(?:(?:mostly|mainly|chiefly|first|all) )?(?:(?:at|in) )?$",
    re.I,
)
# «I moved from Ashmuir High to Elmbank Academy»: where the move went.
TO_GAP = re.compile(r"^(?:\s*\([^()\n]{1,60}\))?[\s,]*(?:in \w+ |last \w+ |this \w+ )?(?:over |across |up |down )?to (?:the )?$", re.I)
# A list or table that says which of its schools are in: «Ashmuir Academy - yes», «Elmbank Primary: no», «Fairlea\t0\tOUT (say August)».
MARKED = re.compile(
    r" *[-:=|(\t\d\u2013\u2014][-:=|(\t \d\u2013\u2014]*(?:(?P<out>no|nope|nah|out|not (?:in|this|taking|part|involved|included|yet)\b.*|declined|withdrawn)"
    r"|in|yes|yep|aye)(?=[ \t]*(?:$|[,.;!()\t\u2013-]))",
    re.I,
)
# «Ashmuir Primary (1989-97)», «Elmbank (97-2008)»: years that are over. One year and the next are a school year: «(2021-22)».
_YEARS = re.compile(r"\s*[,(]?\s*(?:from )?((?:19|20)?\d\d)\s?(?:[-/\u2013\u2014]|to|until|till)\s?((?:19|20)?\d\d)\b(?![-/:.]\d)", re.I)


def years_over(folded: str, end: int) -> bool:
    """Whether the name that ends at ``end`` has years behind it that are over."""
    years = _YEARS.match(folded, end, end + 30)
    return years is not None and (int(years[2]) - int(years[1])) % 100 != 1
