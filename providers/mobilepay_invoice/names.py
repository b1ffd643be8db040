"""How far two names are from each other, as somebody who reads them would say.

Until November 2019 they compared the name sent with the payer's own by Levenshtein distance and
let small slips pass. How small, and what a refusal was called, is not published: the threshold
here is ours, and a name beyond it is a remark, never a refusal.
"""

from __future__ import annotations

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

# Two slips are let pass in any name, and one in every five letters of a long one.
SLIPS, LETTERS_PER_SLIP = 2, 5


def distance(one: str, other: str) -> int:
    """Count the letters to change, whatever case, accents and the order of first and last name."""
    first, second = _words(one), _words(other)
    plain = Levenshtein.distance(" ".join(first), " ".join(second))
    ordered = Levenshtein.distance(" ".join(sorted(first)), " ".join(sorted(second)))
    return int(min(plain, ordered))


def are_far(one: str, other: str) -> bool:
    """Tell whether two names are more than a few slips of the pen apart."""
    longest = max(len(" ".join(_words(one))), len(" ".join(_words(other))))
    return distance(one, other) > max(SLIPS, longest // LETTERS_PER_SLIP)


def _words(name: str) -> list[str]:
    """Split into words of letters without accents: `Müller-Ånd, Bo` is `muller and bo`."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain)
