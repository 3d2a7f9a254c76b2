"""Finds typed numbers in the report's template, as digits or as words; numbers must come from records.

typst prints the text of markup, of `[...]` within code, and of strings. None of it may hold a digit or a number word,
but for:

    mathematics                        0, 1 and 2, which belong to the equations
    a string that is a key or a name   v("..."), has("..."), .at("..."), names of figures, tables, files and records
    a label or a reference             <tab-1>, @hochreiter1997
    raw text                           `src/...`
    names                              `NAMES`

Files of text (parts/) hold no code that needs a number. In the other files, numbers in code are lengths and columns,
and only what is printed is checked.
"""

import re
from collections.abc import Iterator

NAMES = ("R1", "R2", "R3GAN")

NUMBER_WORD = re.compile(
    r"\b(?:four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|hundred|thousand|million|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|twice|thrice|dozen|percent)s?\b",
    re.IGNORECASE,
)
"""One, two and three are often no numbers."""

KEYED = re.compile(
    r"(?:\#?\bv|\bhas|\.at|\bplot|\btabulate|\bgrids|\binterpolation|\barchitecture|\bdrawing|\bnetworks|\bstrip|\bimage"
    r'|\bjson|\bnumbering|\bimport|\binclude|\bbibliography|\bstarts-with)\(?\s*"[^"]*"'
)
ARGUMENT = re.compile(r'\b(?:from|kind|style|class|font|lang|weight|paper|numbering|role|authors|tabindex):\s*"[^"]*"')
MATHS = re.compile(r"\$[^$]*\$", re.DOTALL)
COMMENT = re.compile(r"(?<!:)//[^\n]*")
RAW = re.compile(r"`[^`\n]*`")
LABEL = re.compile(r"<[a-z][\w-]*>|@[a-z][\w-]*")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
COLOUR = re.compile(r'"#[0-9a-f]{6}"')
LENGTH = re.compile(r'(?<![\w"])\d+(?:\.\d+)?(?:pt|em|mm|cm|fr|%|deg)')


def typed_in_text(template: str) -> list[str]:
    """Typed numbers in a file of text."""
    text = COMMENT.sub("", template)
    numbers = [
        number
        for equation in MATHS.findall(text)
        for number in re.findall(r"\d+(?:\.\d+)?", equation)
        if number not in ("0", "1", "2")
    ]
    for allowed in (MATHS, RAW, KEYED, ARGUMENT, LABEL):
        text = allowed.sub(" ", text)
    text = re.sub(r"\b(?:" + "|".join(NAMES) + r")\b", " ", text)
    return numbers + re.findall(r"\S*\d\S*", text) + NUMBER_WORD.findall(text)


def printed_by_code(template: str) -> list[str]:
    """Numbers that a file of code would print: in its strings and brackets, or passed to `str`."""
    text = COMMENT.sub("", template)
    for allowed in (KEYED, ARGUMENT, RAW):
        text = allowed.sub(" ", text)
    printed = [string for string in STRING.findall(text) if not COLOUR.fullmatch(string)]
    printed += _outermost_brackets(STRING.sub(" ", MATHS.sub(" ", text)))
    numbers = [text for text in printed if re.search(r"\d", LENGTH.sub("", text)) or NUMBER_WORD.search(text)]
    return numbers + re.findall(r"\bstr\(\s*[\d.]+\s*\)|#\d+", STRING.sub(" ", text))


def value_keys(template: str) -> list[str]:
    """Keys of all values that a template prints."""
    return re.findall(r'\bv\(\s*"([^"]*)"', COMMENT.sub("", template))


def _outermost_brackets(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for index, letter in enumerate(text):
        if letter == "[":
            start, depth = (index if depth == 0 else start), depth + 1
        elif letter == "]" and depth:
            depth -= 1
            if depth == 0:
                yield text[start : index + 1]
