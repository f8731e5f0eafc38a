"""The sentences: a matrix grammar of five slots and a closing phrase, with a hand-written lexicon.

Pronunciations are ARPAbet symbols; a trailing 1 marks the stressed vowel of a word. Small on
purpose: every word is written out here, so no grapheme-to-phoneme tool is needed.
"""

from typing import NamedTuple

NUM_SENTENCES = 100  # the grammar repeats itself from number 101 on

SLOTS = (
    "Peter Bob Mary Thomas Alice Paul Emma Victor Sophie Wendy".split(),
    "bought moves wants found keeps showed brings lost gave watched".split(),
    "two three five seven nine many some four eight twelve".split(),
    "big purple small old yellow cheap warm broken heavy pretty".split(),
    "maps boats shoes cups beds chairs books lamps films rooms".split(),
)
TAILS = (
    "before noon",
    "at home",
    "for me",
    "by the window",
    "in May",
    "with joy",
    "after dinner",
    "to sell",
    "from Rome",
    "right away",
)
FUNCTION_WORDS = frozenset("at for by the in with to from of".split())  # never accented

_PRONUNCIATIONS = """
Peter    P IY1 T ER
Bob      B AA1 B
Mary     M EH1 R IY
Thomas   T AA1 M AX S
Alice    AE1 L AX S
Paul     P AO1 L
Emma     EH1 M AX
Victor   V IH1 K T ER
Sophie   S OW1 F IY
Wendy    W EH1 N D IY
bought   B AO1 T
moves    M UW1 V Z
wants    W AA1 N T S
found    F AW1 N D
keeps    K IY1 P S
showed   SH OW1 D
brings   B R IH1 NG Z
lost     L AO1 S T
gave     G EY1 V
watched  W AA1 CH T
two      T UW1
three    TH R IY1
five     F AY1 V
seven    S EH1 V AX N
nine     N AY1 N
many     M EH1 N IY
some     S AH1 M
four     F AO1 R
eight    EY1 T
twelve   T W EH1 L V
big      B IH1 G
purple   P ER1 P AX L
small    S M AO1 L
old      OW1 L D
yellow   Y EH1 L OW
cheap    CH IY1 P
warm     W AO1 R M
broken   B R OW1 K AX N
heavy    HH EH1 V IY
pretty   P R IH1 T IY
maps     M AE1 P S
boats    B OW1 T S
shoes    SH UW1 Z
cups     K AH1 P S
beds     B EH1 D Z
chairs   CH EH1 R Z
books    B UH1 K S
lamps    L AE1 M P S
films    F IH1 L M Z
rooms    R UW1 M Z
before   B AX F AO1 R
noon     N UW1 N
at       AE T
home     HH OW1 M
for      F ER
me       M IY1
by       B AY
the      DH AX
window   W IH1 N D OW
in       IH N
May      M EY1
with     W IH DH
joy      JH OY1
after    AE1 F T ER
dinner   D IH1 N ER
to       T AX
sell     S EH1 L
from     F R AH M
Rome     R OW1 M
right    R AY1 T
away     AX W EY1
"""
LEXICON = {
    word: tuple(symbols)
    for word, *symbols in (line.split() for line in _PRONUNCIATIONS.strip().splitlines())
}


class Sentence(NamedTuple):
    """Five slot words and the closing phrase, each a tuple of words found in the lexicon."""

    words: tuple[str, ...]
    tail: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words + self.tail)


def sentence(number: int) -> Sentence:
    """The sentence of this number, 1 to 100.

    Rows of a Latin-square-like design: within ten consecutive numbers every slot uses each of its
    ten words once. Raises ValueError outside the range, where sentences would repeat.
    """
    if not 1 <= number <= NUM_SENTENCES:
        raise ValueError(f"sentence numbers run from 1 to {NUM_SENTENCES}, got {number}")
    block, row = divmod(number - 1, 10)
    row_steps, block_steps = (1, 3, 7, 9, 3), (0, 1, 3, 4, 7)
    words = tuple(
        slot[(row * row_step + 2 * position + block * block_step) % 10]
        for position, (slot, row_step, block_step) in enumerate(
            zip(SLOTS, row_steps, block_steps, strict=True)
        )
    )
    return Sentence(words, tuple(TAILS[(7 * row + 3 * block + 1) % 10].split()))
