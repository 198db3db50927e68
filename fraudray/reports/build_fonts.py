"""Rebuild `fonts/`: the glyphs of GNU Unifont for characters that Noto lacks.

apt-get download fonts-unifont && dpkg -x fonts-unifont_*.deb unifont
python -m fraudray.reports.build_fonts unifont/usr/share/fonts/opentype/unifont
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from fraudray.reports.fonts import covered_by, folders

_FILES = {"unifont.otf": "unifont-rest.otf", "unifont_upper.otf": "unifont-upper-rest.otf"}
_PRIVATE_USE = range(0xE000, 0xF900)


def build(source: Path, target: Path) -> None:
    """Write the subsets of the Unifont files in `source` into `target`."""
    options = subset.Options(name_IDs=["*"], notdef_outline=True, hinting=False)
    for name, written in _FILES.items():
        font: TTFont = subset.load_font(str(source / name), options)
        lacking = [c for c in font.getBestCmap() if c >= 0x20 and c not in _PRIVATE_USE]
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=set(lacking) - covered_by(folders()[:-1]))
        subsetter.subset(font)
        subset.save_font(font, str(target / written), options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    build(parser.parse_args().source, Path(__file__).parent / "fonts")
