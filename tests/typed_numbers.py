"""Finds what must not be in the report's template: a number typed by hand, as digits or as a word.

A template is split into what typst prints and what it computes with. Printed are words of the markup, `[...]` within
code, and strings. Nothing printed may hold a digit or a number word, with these roles excepted:

    in mathematics                     0, 1 and 2, which belong to the equations
    in a string that is a key          #v("..."), has("..."), .at("..."), names of pictures, tables, files, records
    in a label or a reference          <tab-1>, @hochreiter1997
    within raw text                    `src/...`
    names                              listed below

Numbers that typst computes with (lengths, columns) are code, not print; but in files of words there is no code with a
number at all, and in files of looks a bare number may not be handed to what prints it.
"""

import re
from collections.abc import Iterator

NAMES = ("R1", "R2", "R3GAN")
WORD = re.compile(
    r"\b(?:four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|hundred|thousand|million|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|twice|thrice|dozen|percent)s?\b",
    re.IGNORECASE,
)
"""One, two and three are too often no numbers to be forbidden."""

KEYED = re.compile(
    r"""(?:\#?\bv|\bhas|\.at|\bnumbers|\bstrip|\bpair|\bimage|\bjson|\bnumbering|\bimport|\binclude|\bbibliography)\(?\s*"[^"]*\""""
)
ARGUMENT = re.compile(r'\b(?:from|kind|style|class|font|lang|weight|paper|numbering|role|authors|tabindex):\s*"[^"]*"')
MATHS = re.compile(r"\$[^$]*\$", re.DOTALL)
COMMENT = re.compile(r"(?<!:)//[^\n]*")
RAW = re.compile(r"`[^`\n]*`")
LABEL = re.compile(r"<[a-z][\w-]*>|@[a-z][\w-]*")
MEMBER = re.compile(r'"[\w.-]+"\s+in\s+data\.values')
PICTURE = re.compile(r'#(?:plot|walks)\(\s*"[\w-]+",|\("[\w-]+",\s*(?=")')
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
LENGTH = re.compile(r'(?<![\w"])\d+(?:\.\d+)?(?:pt|em|mm|cm|fr|%|deg)')


def in_words(template: str) -> list[str]:
    """Every typed number in a file of words, in which no number is needed but those of the roles above."""
    found = []
    left = COMMENT.sub("", template)
    for equation in MATHS.findall(left):
        found += [number for number in re.findall(r"\d+(?:\.\d+)?", equation) if number not in ("0", "1", "2")]
    for role in (MATHS, RAW, MEMBER, KEYED, PICTURE, ARGUMENT, LABEL):
        left = role.sub(" ", left)
    left = re.sub(r"\b(?:" + "|".join(NAMES) + r")\b", " ", left)
    return found + re.findall(r"\S*\d\S*", left) + WORD.findall(left)


def in_looks(template: str) -> list[str]:
    """Every number that a file of looks would print: within its strings, its brackets, or handed to `str`."""
    left = COMMENT.sub("", template)
    for role in (KEYED, ARGUMENT, RAW):
        left = role.sub(" ", left)
    printed = [string for string in STRING.findall(left) if not re.fullmatch(r'"#[0-9a-f]{6}"', string)]
    printed += list(_brackets(STRING.sub(" ", MATHS.sub(" ", left))))
    numbers = [text for text in printed if re.search(r"\d", LENGTH.sub("", text)) or WORD.search(text)]
    return numbers + re.findall(r"\bstr\(\s*[\d.]+\s*\)|#\d+", STRING.sub(" ", left))


def keys(template: str) -> list[str]:
    """The keys of all values that a template asks for."""
    return re.findall(r'\bv\(\s*"([^"]*)"', COMMENT.sub("", template))


def _brackets(text: str) -> Iterator[str]:
    """What stands between the outermost brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        if letter == "[":
            start, depth = (place if depth == 0 else start), depth + 1
        elif letter == "]" and depth:
            depth -= 1
            if depth == 0:
                yield text[start : place + 1]
