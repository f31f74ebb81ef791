"""WordPiece: words in pieces, as BERT reads them (Wu et al. 2016, section 4.1).

A word is cut from its left into the longest pieces that the vocabulary has. A piece
that does not begin a word is written with ``##``: 배가 may become 배, ##가.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

PAD, UNKNOWN, CLS, SEP, MASK = range(5)  # token ids, the same in every vocabulary
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
INSIDE = "##"


class Pieces(NamedTuple):
    """A text in pieces, without [CLS] and [SEP]."""

    ids: Tensor  # (T,)
    word: Tensor  # (T,) the number of the word that each piece is of, from 0


class WordPiece:
    """Pieces and their ids. Words are parted at spaces and at punctuation."""

    def __init__(self, pieces: Sequence[str], lowercase: bool = False) -> None:
        """For a vocabulary in the order of its ids: the five special tokens come first.

        Raises ``ValueError`` if they do not, or if a piece is there twice.
        """
        self.pieces = tuple(pieces)
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}
        if (first := self.pieces[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(f"pieces: got {first} first, expected {SPECIAL}")
        if len(self.ids) < len(self.pieces):
            raise ValueError("pieces: got one of them twice, expected each once")
        self._tokenizer = _tokenizer(self.ids, lowercase)

    @classmethod
    def learn(
        cls, texts: Iterable[str], size: int, lowercase: bool = False
    ) -> WordPiece:
        """At most ``size`` pieces of ``texts``, the special tokens first.

        It starts from single characters, and joins the two neighbours that stand side
        by side most often, again and again. The same texts give the same pieces on
        every machine.

        Raises ``ValueError`` for ``texts`` that is one text or none, and for a ``size``
        that has no room for the special tokens and every character.
        """
        if size <= len(SPECIAL):
            raise ValueError(f"size: got {size}, expected more than {len(SPECIAL)}")
        if isinstance(texts, str):
            raise ValueError("texts: got one str, expected several, such as a list")
        texts = list(texts)
        if not texts:
            raise ValueError("texts: got none, expected at least one")
        tokenizer = _tokenizer({token: i for i, token in enumerate(SPECIAL)}, lowercase)
        words = {
            word
            for text in texts
            for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(
                tokenizer.normalizer.normalize_str(text)
            )
        }
        # The library numbers these as it meets them, words in no certain order, and
        # breaks ties by number: named first, they are numbered always in the same way.
        inside = sorted(
            {INSIDE + character for word in words for character in word[1:]}
        )
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=[*SPECIAL, *inside], show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        ids = tokenizer.get_vocab()
        if len(ids) > size:  # the library keeps every character, whatever the size
            raise ValueError(
                f"size: got {size}, expected at least {len(ids)} for these characters"
            )
        return cls(sorted(ids, key=ids.__getitem__), lowercase)

    @classmethod
    def of_words(cls, sentences: Iterable[Sequence[str]]) -> WordPiece:
        """Every word of ``sentences`` is one piece: for text that is cut already."""
        words = {word for sentence in sentences for word in sentence}
        return cls([*SPECIAL, *sorted(words)])

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str | Sequence[str]) -> Pieces:
        """``text``, or words that are parted already, in pieces.

        A word with a character that no piece has is one [UNK]. Text that reads like a
        special token, such as ``"[MASK]"``, is text.
        """
        found = self._tokenizer.encode(
            text if isinstance(text, str) else list(text),
            is_pretokenized=not isinstance(text, str),
        )
        word = torch.tensor(found.word_ids, dtype=torch.long)
        return Pieces(torch.tensor(found.ids, dtype=torch.long), word)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The pieces of ``ids``. Raises ``ValueError`` for an id that is none."""
        ids = [int(i) for i in ids]
        if strange := [i for i in ids if not 0 <= i < len(self)]:
            raise ValueError(f"ids: got {strange[0]}, expected 0 to {len(self) - 1}")
        return [self.pieces[i] for i in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces put together into words, with a space between two of them."""
        return " ".join(self.tokens(ids)).replace(f" {INSIDE}", "")


def _tokenizer(ids: dict[str, int], lowercase: bool) -> Tokenizer:
    """The library's WordPiece, with BERT's own way of cleaning and cutting text."""
    model = models.WordPiece(
        ids, unk_token=SPECIAL[UNKNOWN], continuing_subword_prefix=INSIDE
    )
    tokenizer = Tokenizer(model)
    # Accents go with the capitals, as in BERT's uncased vocabularies.
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=lowercase
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer
