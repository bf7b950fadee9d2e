"""What the simulated people write: titles, bodies, comments, names; also what breaks careless CSV writers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fourkeys.sandbox.clock import START, Dice, moment
from fourkeys.sandbox.model import User

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = ("Add", "Fix", "Speed up", "Simplify", "Extract", "Handle", "Log", "Validate", "Cache", "Retry", "Translate")
_THINGS = (
    "address form", "batch export", "cart total", "coupon rules", "delivery date", "error page", "image upload",
    "invoice layout", "mail template", "order history", "password reset", "payment callback", "price rounding",
    "product filter", "refund flow", "search index", "session timeout", "stock counter", "tax table", "webhook queue",
)  # fmt: skip
_WHERE = ("", "", "", " for guests", " on mobile", " in the admin", " behind a flag", " when the API is slow")
AWKWARD_TITLES = (
    '=SUM(A1:A9) in "quotes", with a comma',
    "🚀 Ship it: 決済画面のリニューアル",
    "Fix the line\tbreak and the 'apostrophe'",
    "+1 day, -1 hour: タイムゾーン",
    "@here naïve café ﷽ \U0001f468‍\U0001f469‍\U0001f467",
)
AWKWARD_BODIES = (
    'First line\nsecond line, with "quotes"\r\n\r\nand a Windows line',
    "| a | b |\n|---|---|\n| `=1+1` | 表示が崩れる 🙇 |",
    "",
    "=cmd|' /C calc'!A0",
    "trailing newline\n",
)
_BODIES = (
    "It was slow, now it is not.",
    "What: the smallest step that helps.\nWhy: customers asked for it.",
    "Needs a migration, see the runbook.",
    "テストも追加しました。レビューお願いします。",
)
_REMARKS = (
    "Looks good to me 👍",
    "Could you add a test for the empty case?",
    "ここは早期リターンの方が読みやすいと思います",
    "I can reproduce it:\n\n```\ncurl -i https://shop.example/cart\n```",
    "Done, thanks!",
    '"Works on my machine", but not on staging, see the log.',
)
_NAMES = (
    ("aoki", "Aoki Haruka"), ("brandt", "Lena Brandt"), ("chiba", "千葉 健"), ("dubois", "Élodie Dubois"),
    ("endo", "Endo Yuto"), ("fujita", "藤田 さくら"), ("garcia", "Inés García"), ("honda", "Honda Ren"),
    ("ito", "伊藤 結衣"), ("jensen", "Mads Jensen"), ("kato", "Kato Sora"), ("lim", "Lim Wei"),
    ("mori", "森 大輔"), ("novak", "Jana Nováková"), ("okada", "Okada Mio"),
)  # fmt: skip


def people() -> tuple[User, ...]:
    """Return the accounts of the server: humans, then bots; ids rise with gaps, as on a real one."""
    humans = [
        User(
            11 + 7 * place,
            login,
            name,
            f"{login}@acme.example",
            moment(START, 10) - timedelta(days=900 - 40 * place),
            site_admin=place == 0,
        )
        for place, (login, name) in enumerate(_NAMES)
    ]
    bot = User(203, "dependency-bot[bot]", "dependency-bot", "bot@acme.example", moment(START, 9), kind="Bot")
    return (*humans, bot)


def title(dice: Dice) -> str:
    """Return the title of a change."""
    return f"{dice.pick(_VERBS)} {dice.pick(_THINGS)}{dice.pick(_WHERE)}"


def complaint(dice: Dice) -> str:
    """Return the title of an issue; now and then one that is hard to quote."""
    if dice.chance(0.06):
        return dice.pick(AWKWARD_TITLES)
    return dice.pick(
        ("{} is wrong", "{}: 500 on save", "Question about the {}", "{} should remember the last choice")
    ).format(dice.pick(_THINGS).capitalize())


def body(dice: Dice) -> str | None:
    """Return the body of an issue or pull request: none, plain, or awkward."""
    if dice.chance(0.15):
        return None
    return dice.pick(AWKWARD_BODIES) if dice.chance(0.12) else dice.pick(_BODIES)


def remark(dice: Dice) -> str:
    """Return the text of a comment."""
    return dice.pick(_REMARKS)


def branch(dice: Dice, heading: str) -> str:
    """Return the name of a branch for a change with this *heading*."""
    words = [w for w in heading.lower().split() if w.isascii() and w.isalpha()]
    return f"{dice.pick(('feature', 'fix', 'chore'))}/{'-'.join(words[:4]) or 'change'}-{dice.below(900) + 100}"


def paths(dice: Dice, count: int) -> Sequence[str]:
    """Return *count* different file names."""
    folders = ("app/models", "app/views", "lib", "spec/models", "config", "docs")
    return [f"{dice.pick(folders)}/{dice.pick(_THINGS).replace(' ', '_')}_{place}.rb" for place in range(count)]
