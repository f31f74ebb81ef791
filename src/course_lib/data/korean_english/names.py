"""Names of persons: a few that everybody knows, and many that no vocabulary has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Name:
    ko: str
    en: str
    gender: str = ""


NAMES = tuple(
    Name(*line.split())
    for line in (
        *("민수 Minsu m", "준호 Junho m", "지훈 Jihun m", "현우 Hyeonu m"),
        *("철수 Cheolsu m", "동현 Donghyeon m", "영호 Yeongho m", "태민 Taemin m"),
        *("지영 Jiyeong f", "수진 Sujin f", "민지 Minji f", "혜진 Hyejin f"),
        *("영희 Yeonghui f", "소연 Soyeon f", "예린 Yerin f", "다은 Daeun f"),
    )
)

_FIRST = {"서": "Seo", "도": "Do", "시": "Si", "채": "Chae", "재": "Jae"}
_FIRST |= {"승": "Seung", "하": "Ha", "윤": "Yun", "강": "Gang", "태": "Tae"}
_SECOND = {"윤": "yun", "준": "jun", "율": "yul", "은": "eun", "원": "won"}
_SECOND |= {"린": "rin", "현": "hyeon", "희": "hui", "빈": "bin", "훈": "hun"}
# Ordinary words, or names that nobody has.
_NOT = set(
    [
        "시원",
        "하원",
        "강원",
        "윤윤",
        "승율",
        "시린",
        "승린",
        "윤은",
        "윤현",
        "윤원",
        "윤율",
        "윤린",
    ]
)
_NOT |= set(
    [
        "도린",
        "강린",
        "강율",
        "강은",
        "태원",
        "재린",
        "승은",
        "채준",
        "하훈",
        "윤훈",
        "시율",
    ]
)

UNKNOWN = tuple(
    Name(first + second, latin + tail)
    for first, latin in _FIRST.items()
    for second, tail in _SECOND.items()
    if first + second not in _NOT
)
