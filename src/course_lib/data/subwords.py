"""Subwords: a vocabulary of pieces of words, learned by byte-pair encoding.

Sennrich et al. (2016), over bytes instead of characters: whatever bytes a sentence has
are in the vocabulary from the start, so German, English, French and Korean all decode
to exactly what was encoded, and no text has an unknown token.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor

from course_lib.data.translation import SPECIAL

SMALLEST = len(SPECIAL) + 256  # the special tokens and every byte

# Printable stand-ins for the 256 bytes, in which the library writes its pieces: those
# bytes that are printable in Latin-1 stand for themselves, the others follow from 256.
_PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_BYTE = {chr(byte): byte for byte in _PRINTABLE}
_BYTE |= {chr(256 + i): byte for i, byte in enumerate(_OTHERS)}


class Subwords:
    """Pieces of words and their ids; the four special tokens come first.

    A piece never crosses from one word into the next. The space before a word belongs
    to the word. The first word gets one too, so that its pieces are those of any word.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """For a byte-level ``tokenizer`` without special tokens, as learned below."""
        self._tokenizer = tokenizer
        ids = tokenizer.get_vocab()
        self._bytes = [b""] * len(SPECIAL) + [
            bytes(_BYTE[c] for c in piece) for piece in sorted(ids, key=ids.__getitem__)
        ]
        # A piece can be a part of a character, and is then shown as bytes: "\xeb\x82".
        shown = [piece.decode("utf-8", "backslashreplace") for piece in self._bytes]
        self.words = (*SPECIAL, *shown[len(SPECIAL) :])

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> Subwords:
        """At most ``size`` tokens from ``texts``: the same ones on every machine.

        There are fewer where no two neighbouring pieces occur twice any more.

        Raises ``ValueError`` for ``texts`` that is one text or none, and for a ``size``
        without room for the special tokens and the 256 bytes.
        """
        if size < SMALLEST:
            raise ValueError(f"size: got {size}, expected at least {SMALLEST}")
        if isinstance(texts, str):
            raise ValueError("texts: got one str, expected several, such as a list")
        texts = [_spaced(text) for text in texts]
        if not texts:
            raise ValueError("texts: got none, expected at least one")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=size - len(SPECIAL),
            min_frequency=2,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str) -> Tensor:
        """Ids ``(T,)``, without start and end; at least one. None of them is special.

        Text that reads like a special token, such as ``"<s>"``, is text.
        """
        ids = self._tokenizer.encode(_spaced(text)).ids
        return torch.tensor(ids) + len(SPECIAL)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; special tokens have none.

        ``decode(encode(text)) == text``. Ids that a model chose may leave a character
        incomplete, which then reads ``"\\ufffd"``.

        Raises ``ValueError`` for an id that is none.
        """
        ids = [int(i) for i in ids]
        if strange := [i for i in ids if not 0 <= i < len(self)]:
            raise ValueError(f"ids: got {strange[0]}, expected 0 to {len(self) - 1}")
        text = b"".join(self._bytes[i] for i in ids).decode("utf-8", "replace")
        return text.removeprefix(" ")

    def tokens(self, text: str) -> list[str]:
        """The pieces of ``text``, to look at: ``[" Ein", " Hund", " b", "ellt"]``."""
        return [self.words[i] for i in self.encode(text).tolist()]


def _spaced(text: str) -> str:
    if not isinstance(text, str):  # such as a list of words, which Vocabulary takes
        raise ValueError(f"text: got {type(text).__name__}, expected str")
    return " " + text
