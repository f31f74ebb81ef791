"""Particles and conjugation, against forms written by hand."""

from __future__ import annotations

import pytest

from course_lib.data.korean_english import hangul

ORDER = ("다", "고", "는", "ㄴ", "ㄹ", "아서", "면", "past 다")


@pytest.mark.parametrize(
    ("stem", "kind", "forms"),
    [
        ("가", "verb", "간다 가고 가는 간 갈 가서 가면 갔다"),
        ("읽", "verb", "읽는다 읽고 읽는 읽은 읽을 읽어서 읽으면 읽었다"),
        ("오", "verb", "온다 오고 오는 온 올 와서 오면 왔다"),
        ("마시", "verb", "마신다 마시고 마시는 마신 마실 마셔서 마시면 마셨다"),
        ("배우", "verb", "배운다 배우고 배우는 배운 배울 배워서 배우면 배웠다"),
        ("하", "verb", "한다 하고 하는 한 할 해서 하면 했다"),
        ("피", "verb", "핀다 피고 피는 핀 필 피어서 피면 피었다"),
        ("쉬", "verb", "쉰다 쉬고 쉬는 쉰 쉴 쉬어서 쉬면 쉬었다"),
        ("쓰", "verb", "쓴다 쓰고 쓰는 쓴 쓸 써서 쓰면 썼다"),
        ("살", "verb", "산다 살고 사는 산 살 살아서 살면 살았다"),
        ("만들", "verb", "만든다 만들고 만드는 만든 만들 만들어서 만들면 만들었다"),
        ("듣", "verb ㄷ", "듣는다 듣고 듣는 들은 들을 들어서 들으면 들었다"),
        ("돕", "verb ㅂ", "돕는다 돕고 돕는 도운 도울 도와서 도우면 도왔다"),
        ("굽", "verb ㅂ", "굽는다 굽고 굽는 구운 구울 구워서 구우면 구웠다"),
        ("부르", "verb 르", "부른다 부르고 부르는 부른 부를 불러서 부르면 불렀다"),
        ("않", "verb", "않는다 않고 않는 않은 않을 않아서 않으면 않았다"),
        ("예쁘", "adjective", "예쁘다 예쁘고 예쁜 예쁜 예쁠 예뻐서 예쁘면 예뻤다"),
        ("바쁘", "adjective", "바쁘다 바쁘고 바쁜 바쁜 바쁠 바빠서 바쁘면 바빴다"),
        ("길", "adjective", "길다 길고 긴 긴 길 길어서 길면 길었다"),
        ("춥", "adjective ㅂ", "춥다 춥고 추운 추운 추울 추워서 추우면 추웠다"),
        ("빠르", "adjective 르", "빠르다 빠르고 빠른 빠른 빠를 빨라서 빠르면 빨랐다"),
        ("빨갛", "adjective ㅎ", "빨갛다 빨갛고 빨간 빨간 빨갈 빨개서 빨가면 빨갰다"),
        ("좋", "adjective", "좋다 좋고 좋은 좋은 좋을 좋아서 좋으면 좋았다"),
    ],
)
def test_conjugation(stem, kind, forms):
    found = [hangul.conjugate(stem, kind, ending) for ending in ORDER]
    assert found == forms.split()


def test_있다_has_its_own_attributive():
    assert hangul.conjugate("맛있", "adjective", "는") == "맛있는"
    assert hangul.conjugate("있", "adjective", "다") == "있다"


@pytest.mark.parametrize(
    ("word", "particles"),
    [
        ("책", "은 이 을 과 으로"),
        ("새", "는 가 를 와 로"),
        ("연필", "은 이 을 과 로"),
        ("서울", "은 이 을 과 로"),
        ("부산", "은 이 을 과 으로"),
    ],
)
def test_particles(word, particles):
    kinds = ("은/는", "이/가", "을/를", "과/와", "으로/로")
    assert [hangul.particle(word, kind) for kind in kinds] == particles.split()
    assert hangul.particle(word, "에서") == "에서"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="word: got 'book'"):
        hangul.final("book")
    with pytest.raises(ValueError, match="ending: got '요'"):
        hangul.conjugate("가", "verb", "요")
