"""Constant tables: how every phoneme sounds, and where it takes the mouth.

Units: durations ms, frequencies Hz for a male vocal tract (female ones are scaled), amplitudes
and articulatory targets relative (0 to about 1). SIL is silence.
"""

from typing import NamedTuple

Formants = tuple[float, float, float]
Targets = tuple[float, float, float, float, float]  # jaw, round, spread, tuck, uplip

SILENCE = "SIL"


class Vowel(NamedTuple):
    """Formants at the start and at the end (equal for a monophthong) and the duration."""

    start: Formants
    end: Formants
    duration: float


class Consonant(NamedTuple):
    """Formants, voicing amplitude, and the noise: amplitude, centre and width in Hz."""

    duration: float
    formants: Formants
    voicing: float
    noise: float
    noise_centre: float
    noise_width: float


def _monophthong(f1: float, f2: float, f3: float, duration: float) -> Vowel:
    return Vowel((f1, f2, f3), (f1, f2, f3), duration)


VOWELS = {
    "IY": _monophthong(280, 2250, 2950, 110),
    "IH": _monophthong(400, 1950, 2560, 85),
    "EH": _monophthong(550, 1780, 2500, 100),
    "AE": _monophthong(690, 1680, 2450, 125),
    "AA": _monophthong(720, 1120, 2500, 130),
    "AO": _monophthong(590, 880, 2500, 130),
    "UH": _monophthong(450, 1050, 2300, 85),
    "UW": _monophthong(310, 900, 2250, 115),
    "AH": _monophthong(620, 1220, 2550, 90),
    "ER": _monophthong(480, 1330, 1680, 115),
    "AX": _monophthong(500, 1450, 2500, 55),
    "EY": Vowel((500, 1850, 2500), (330, 2250, 2750), 140),
    "OW": Vowel((520, 1000, 2350), (350, 800, 2300), 140),
    "AY": Vowel((710, 1180, 2500), (350, 2100, 2650), 165),
    "AW": Vowel((710, 1250, 2500), (400, 900, 2300), 170),
    "OY": Vowel((560, 880, 2450), (350, 2000, 2600), 180),
}

NO_NOISE = 1500  # Hz, noise centre of sounds without noise
CONSONANTS = {
    "P": Consonant(85, (300, 900, 2200), 0, 0.9, 700, 900),
    "B": Consonant(70, (250, 900, 2200), 0.15, 0.5, 700, 900),
    "M": Consonant(70, (270, 1000, 2200), 0.45, 0, NO_NOISE, 0),
    "T": Consonant(80, (300, 1750, 2650), 0, 1.0, 4300, 2200),
    "D": Consonant(60, (250, 1750, 2650), 0.15, 0.6, 4000, 2200),
    "N": Consonant(65, (270, 1500, 2500), 0.45, 0, NO_NOISE, 0),
    "K": Consonant(90, (300, 1800, 2200), 0, 0.9, 2000, 900),
    "G": Consonant(70, (250, 1800, 2200), 0.15, 0.55, 1900, 900),
    "NG": Consonant(75, (270, 2000, 2500), 0.42, 0, NO_NOISE, 0),
    "F": Consonant(95, (320, 1200, 2300), 0, 0.16, 5200, 6000),
    "V": Consonant(60, (280, 1200, 2300), 0.35, 0.10, 5200, 6000),
    "TH": Consonant(90, (320, 1450, 2550), 0, 0.12, 6000, 5000),
    "DH": Consonant(50, (280, 1450, 2550), 0.4, 0.06, 6000, 5000),
    "S": Consonant(105, (320, 1700, 2600), 0, 0.75, 6200, 1800),
    "Z": Consonant(80, (280, 1700, 2600), 0.3, 0.45, 6200, 1800),
    "SH": Consonant(110, (320, 1800, 2500), 0, 0.8, 3300, 1300),
    "ZH": Consonant(80, (280, 1800, 2500), 0.3, 0.45, 3300, 1300),
    "CH": Consonant(120, (320, 1800, 2500), 0, 0.9, 3400, 1300),
    "JH": Consonant(90, (280, 1800, 2500), 0.15, 0.6, 3300, 1300),
    "HH": Consonant(60, (500, 1500, 2500), 0, 0.22, NO_NOISE, 0),
    "L": Consonant(65, (360, 1050, 2700), 0.6, 0, NO_NOISE, 0),
    "R": Consonant(70, (340, 1100, 1550), 0.6, 0, NO_NOISE, 0),
    "W": Consonant(70, (300, 660, 2200), 0.6, 0, NO_NOISE, 0),
    "Y": Consonant(60, (270, 2250, 3000), 0.6, 0, NO_NOISE, 0),
}

LABIALS = frozenset({"P", "B", "M"})  # the lips must touch
NASALS = frozenset({"M", "N", "NG"})
AFFRICATES = frozenset({"CH", "JH"})
# Share of a stop's or affricate's duration that is closure, before the burst.
CLOSURE_SHARE = {
    **dict.fromkeys(("P", "T", "K"), 0.6),
    **dict.fromkeys(("B", "D", "G"), 0.75),
    **dict.fromkeys(AFFRICATES, 0.4),
}
ASPIRATION_SECONDS = {"P": 0.045, "T": 0.05, "K": 0.055}  # breath after the burst

# Articulatory targets at the middle of a phoneme. Diphthongs have one for each half.
MOUTH_TARGETS: dict[str, tuple[Targets, ...]] = {
    "AA": ((0.90, 0.05, 0.05, 0, 0.10),),
    "AE": ((0.80, 0, 0.40, 0, 0.25),),
    "AH": ((0.55, 0.05, 0.05, 0, 0.1),),
    "AO": ((0.68, 0.50, 0, 0, 0.1),),
    "EH": ((0.58, 0, 0.32, 0, 0.2),),
    "IH": ((0.34, 0, 0.35, 0, 0.15),),
    "IY": ((0.22, 0, 0.75, 0, 0.2),),
    "UH": ((0.32, 0.55, 0, 0, 0.1),),
    "UW": ((0.18, 0.95, 0, 0, 0.1),),
    "ER": ((0.32, 0.45, 0, 0, 0.2),),
    "AX": ((0.32, 0.05, 0.1, 0, 0.05),),
    "EY": ((0.55, 0, 0.35, 0, 0.2), (0.25, 0, 0.65, 0, 0.2)),
    "OW": ((0.52, 0.55, 0, 0, 0.1), (0.24, 0.9, 0, 0, 0.1)),
    "AY": ((0.85, 0, 0.1, 0, 0.15), (0.32, 0, 0.55, 0, 0.2)),
    "AW": ((0.85, 0.05, 0.1, 0, 0.15), (0.28, 0.85, 0, 0, 0.1)),
    "OY": ((0.52, 0.75, 0, 0, 0.1), (0.30, 0.1, 0.4, 0, 0.2)),
    "P": ((0.14, 0.05, 0, 0, 0),),
    "B": ((0.16, 0.05, 0, 0, 0),),
    "M": ((0.16, 0.05, 0, 0, 0),),
    "F": ((0.16, 0.05, 0.05, 1, 0.35),),
    "V": ((0.18, 0.05, 0.05, 1, 0.3),),
    "TH": ((0.26, 0, 0.1, 0, 0.1),),
    "DH": ((0.26, 0, 0.1, 0, 0.1),),
    "T": ((0.20, 0, 0.12, 0, 0.08),),
    "D": ((0.22, 0, 0.12, 0, 0.08),),
    "N": ((0.24, 0, 0.12, 0, 0.08),),
    "L": ((0.30, 0, 0.1, 0, 0.08),),
    "S": ((0.08, 0, 0.30, 0, 0.2),),
    "Z": ((0.10, 0, 0.28, 0, 0.2),),
    "SH": ((0.12, 0.55, 0, 0, 0.75),),
    "ZH": ((0.12, 0.55, 0, 0, 0.7),),
    "CH": ((0.12, 0.55, 0, 0, 0.7),),
    "JH": ((0.14, 0.5, 0, 0, 0.65),),
    "K": ((0.28, 0, 0.08, 0, 0.05),),
    "G": ((0.28, 0, 0.08, 0, 0.05),),
    "NG": ((0.28, 0, 0.08, 0, 0.05),),
    "R": ((0.24, 0.45, 0, 0, 0.25),),
    "W": ((0.14, 1.0, 0, 0, 0.05),),
    "Y": ((0.20, 0, 0.45, 0, 0.1),),
    "HH": ((0.35, 0, 0.05, 0, 0.05),),
    SILENCE: ((0.02, 0, 0, 0, 0),),
}

_VOWEL_STRENGTH: Targets = (1, 1, 1, 0.6, 0.6)
_TONGUE_STRENGTH: Targets = (0.6, 0.15, 0.3, 1, 0.4)  # T D N L K G NG TH DH Y leave the lips free
_LABIAL_STRENGTH: Targets = (0.9, 0.25, 0.25, 2, 0.6)
_LABIODENTAL_STRENGTH: Targets = (1.2, 0.3, 0.3, 3, 1)
_HISS_STRENGTH: Targets = (2.0, 0.3, 0.8, 1, 0.6)
_HUSH_STRENGTH: Targets = (2.0, 1.6, 1, 1, 1.5)
_SPECIAL_STRENGTHS: dict[str, Targets] = {
    SILENCE: (0.8, 0.5, 0.5, 1, 0.6),
    "W": (1.2, 2.0, 1.5, 1, 0.6),
    "R": (0.7, 0.9, 0.6, 1, 0.6),
    "HH": (0.1, 0.05, 0.05, 0.5, 0.2),
    **dict.fromkeys(VOWELS, _VOWEL_STRENGTH),
    **dict.fromkeys(LABIALS, _LABIAL_STRENGTH),
    **dict.fromkeys(("F", "V"), _LABIODENTAL_STRENGTH),
    **dict.fromkeys(("S", "Z"), _HISS_STRENGTH),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), _HUSH_STRENGTH),
}
# How strongly a phoneme insists on each of its targets (alpha of the dominance functions).
STRENGTHS: dict[str, Targets] = {
    symbol: _SPECIAL_STRENGTHS.get(symbol, _TONGUE_STRENGTH) for symbol in MOUTH_TARGETS
}
