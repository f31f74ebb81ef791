"""What the page "Beside D2L" says of d2l, where no other test shows it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.attention import masked_softmax
from course_lib.data.text import train_and_valid
from course_lib.metrics import bleu
from course_lib.peers import import_d2l
from course_lib.seq2seq import sequence_loss

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book" / "beside_d2l.md").read_text("utf-8")
ROWS = re.findall(r"^\* - (.*)\n  - (.*)\n  - (.*)$", PAGE, re.MULTILINE)[1:]
CODE = re.compile(r"`([^`]+)`")


# -- the page --------------------------------------------------------------------------


@pytest.mark.parametrize(("theirs", "ours"), [row[:2] for row in ROWS])
def test_every_name_of_the_table_is_where_it_says(theirs, ours):
    d2l = import_d2l()
    for part in theirs.split(";"):
        for name in CODE.findall(part):
            assert hasattr(d2l, name) != ("book only" in part), name
    for name in CODE.findall(ours):
        module, _, item = name.rpartition(".")
        assert hasattr(importlib.import_module(f"course_lib.{module}"), item), name


def test_every_test_that_the_page_names_is_there_and_asks_d2l():
    assert len(ROWS) > 12
    addresses = dict(re.findall(r"^\[(\w+)\]: \S+/blob/main/(\S+)$", PAGE, re.M))
    assert set(re.findall(r"\[(test_\w+)\](?!:)", PAGE)) == addresses.keys()
    for name, path in addresses.items():
        assert path == f"tests/{name}.py"
        source = (ROOT / path).read_text("utf-8")
        assert re.search(r"import_d2l|to_d2l|d2l_book", source), path


def test_what_it_says_is_missing_in_both_is_missing():
    names = [name.lower() for name in dir(import_d2l())]
    for missing in ("luong", "peephole", "beam", "rotary", "decoderblock", "lstm"):
        assert not [name for name in names if missing in name], missing


# -- masks -----------------------------------------------------------------------------


def test_a_score_below_their_constant_loses_to_the_padding():
    scores = torch.tensor([[[-2e6, -3e6, 0.0, 0.0]]])
    ours = masked_softmax(scores, torch.arange(4) < 2)
    theirs = import_d2l().masked_softmax(scores.clone(), torch.tensor([2]))
    assert ours.tolist() == [[[1, 0, 0, 0]]]
    assert theirs.tolist() == [[[0, 0, 0.5, 0.5]]]


# -- the loss --------------------------------------------------------------------------


def test_the_packages_loss_counts_padding_and_ours_does_not():
    d2l = import_d2l()
    model = d2l.Seq2Seq(nn.Identity(), nn.Identity(), tgt_pad=0, lr=0.1)
    target = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    logits = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    mask, moved = target != 0, logits.clone()
    moved[1, 2:, 0] -= 5  # the padding becomes less likely where it stands
    assert (model.loss(moved, target) - model.loss(logits, target)).abs() > 0.1
    ours = sequence_loss(logits, target, mask)
    torch.testing.assert_close(sequence_loss(moved, target, mask), ours)
    # Of the real words, they are the same.
    torch.testing.assert_close(model.loss(logits[mask], target[mask]), ours)


# -- BLEU ------------------------------------------------------------------------------


def test_the_bleus_of_the_page():
    said, wanted = re.search(r"For \*(.*?)\*, where \*(.*?)\* is right", PAGE).groups()
    theirs = 100 * import_d2l().bleu(said, wanted, k=4)
    ours = bleu([said], [wanted], "none").score
    assert f"it gives {theirs:.1f}; BLEU is {ours:.1f}" in PAGE


# -- what is evaluated on --------------------------------------------------------------


def with_text(module: type, **instead):
    """d2l's data module with something of ours, so that nothing is downloaded."""
    return type(module.__name__, (module,), {"_download": lambda self: "", **instead})


def test_their_first_windows_of_validation_were_trained_on_and_ours_were_not():
    T, places = 32, list(range(20_000))  # instead of a character, where it stands
    module = with_text(
        import_d2l().TimeMachine, build=lambda self, text: (places, None)
    )
    text = module(batch_size=20_000, num_steps=T)
    ((_, learned),), ((_, asked),) = map(text.get_dataloader, (True, False))
    again = (asked.min(dim=1).values <= learned.max()).sum()
    page = " ".join(PAGE.split())
    assert f"first {again} of its {len(asked):,} validation windows" in page
    assert f"windows of {T}" in page

    ours = train_and_valid(torch.tensor(places), T, len(learned), len(asked))
    assert ours[1].min() > ours[0].max()


def test_their_vocabularies_are_made_of_the_validation_text_too():
    pairs = "go .\tva !\ngo .\tva !\nhi .\tsalut !\nhi .\tsalut !"
    module = with_text(import_d2l().MTFraEng, _download=lambda self: pairs)
    text = module(batch_size=4, num_train=2, num_val=2)
    ((trained, *_),) = text.get_dataloader(train=True)
    word = text.src_vocab["hi"]
    assert word != text.src_vocab.unk
    assert word not in trained
