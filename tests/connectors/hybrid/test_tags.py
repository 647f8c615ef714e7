from __future__ import annotations

import pytest

from connectors.hybrid.tags import Scanner
from tests.streams import cuts


def scanned(text: str, size: int, *marks: str) -> tuple[list[str], str]:
    """Return the texts between marks, and the marks joined."""
    scanner, texts, found = Scanner(marks), [""], ""
    for piece in cuts(text.encode(), size):
        for said, mark in scanner.feed(piece.decode()):
            texts[-1] += said
            if mark:
                found += mark
                texts.append("")
    texts[-1] += scanner.flush()
    return texts, found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
@pytest.mark.parametrize(
    ("text", "texts", "marks"),
    [
        ("no mark", ["no mark"], ""),
        ("a<b>c", ["a", "c"], "<b>"),
        ("a<B>c", ["a", "c"], "<b>"),
        ("<b><b>", ["", "", ""], "<b><b>"),
        ("a<b", ["a<b"], ""),
        ("<<b>", ["<", ""], "<b>"),
        ("<bb></b>", ["<bb>", ""], "</b>"),
    ],
)
def test_cut_anywhere(size: int, text: str, texts: list[str], marks: str) -> None:
    """Marks are found however the text comes, and no character is lost."""
    assert scanned(text, size, "<b>", "</b>") == (texts, marks)


def test_nothing_is_kept_back_for_long() -> None:
    """Only what may become a mark waits for more."""
    scanner = Scanner(["</think>"])

    assert list(scanner.feed("so </th")) == [("so ", "")]
    assert list(scanner.feed("at is")) == [("</that is", "")]
    assert scanner.flush() == ""


def test_left_in_the_middle() -> None:
    """Who stops at a mark gets nothing again that came before it."""
    scanner = Scanner(["!"])

    assert next(iter(scanner.feed("enough! more"))) == ("enough", "!")
    assert scanner.flush() == ""
