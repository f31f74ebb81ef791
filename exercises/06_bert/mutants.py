"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

Q1 = "q1.packed q1.cut q1.any_texts"
CUT = "q1.cut q1.any_texts"
Q3 = "q3.loss q3.only_chosen q3.way_back q3.any_loss"
HEAD = "q4.head q4.any_model"
FROZEN = "q4.frozen q4.any_model"
RATES = "q4.rates q4.any_model"
Q5 = "q5.ordered q5.inside q5.any_span"
ORDER = "q5.ordered q5.any_span"
INSIDE = "q5.inside q5.any_span"


def pack(
    copies="list(a), list(b)",
    room="longest - 3",
    over="len(a) + len(b) > room",
    shorter="(a if len(a) > len(b) else b).pop()",
    row="[CLS, *a, SEP, *b, SEP]",
    segment="[0] * (len(a) + 2) + [1] * (len(b) + 1)",
    T="max(map(len, tokens))",
    padded="row + [PAD] * (T - len(row))",
    padded_segment="row + [0] * (T - len(row))",
    mask="tokens != PAD",
    returned="tokens, segments, mask",
):
    """An answer to q1."""
    return f"""
def pack(first, second, longest):
    tokens, segments = [], []
    for a, b in zip(first, second):
        a, b = {copies}
        room = {room}
        while {over}:
            {shorter}
        tokens.append({row})
        segments.append({segment})
    T = {T}
    tokens = torch.tensor([{padded} for row in tokens])
    segments = torch.tensor([{padded_segment} for row in segments])
    mask = {mask}
    return {returned}
"""


def gaps(
    given="",
    shape="tokens.shape",
    rate="rate",
    default="0.15",
    chosen="torch.rand(shape, generator=generator) < rate",
    words="tokens >= SPECIAL",
    fate="torch.rand(tokens.shape, generator=generator)",
    masked="fate < 0.8",
    other="torch.randint(SPECIAL, vocabulary, tokens.shape, generator=generator)",
    swapped="fate >= 0.9",
    seen="tokens.masked_fill(chosen & masked, MASK)",
    at="chosen & swapped",
    again="",
    returned="seen, chosen",
):
    """An answer to q2."""
    return f"""
def make_gaps(tokens, vocabulary, generator, rate={default}):
    {given or "pass"}
    shape, rate = {shape}, {rate}
    words = {words}
    chosen = {chosen}
    chosen = chosen.expand(tokens.shape) & words
    fate = {fate}
    masked = {masked}
    swapped = {swapped}
    other = {other}
    seen = {seen}
    seen = torch.where({at}, other, seen)
    {again or "pass"}
    return {returned}
"""


def loss(
    given="",
    asked="x[chosen]",
    logits="asked @ words.T + bias",
    truth="original[chosen]",
    losses="F.cross_entropy(logits, truth, reduction='none')",
    loss="losses.sum() / max(1, len(asked))",
    returned="loss",
):
    """An answer to q3."""
    return f"""
def masked_word_loss(x, chosen, original, words, bias):
    F = nn.functional
    {given or "pass"}
    asked = {asked}
    logits = {logits}
    truth = {truth}
    losses = {losses}
    loss = {loss}
    return {returned}
"""


def head(
    first="self.bert(tokens, segments, mask)[:, 0]",
    pooled="torch.tanh(self.pool(first))",
    dropped="self.dropout(pooled)",
    logits="self.output(dropped)",
    dropout="nn.Dropout(dropout)",
    freezing="",
    grouping="",
):
    """An answer to q4."""
    return f"""
class Classifier(nn.Module):
    def __init__(self, bert, classes, dropout):
        super().__init__()
        self.bert = bert
        self.p = dropout
        self.pool = nn.Linear(bert.size, bert.size)
        self.dropout = {dropout}
        self.output = nn.Linear(bert.size, classes)

    def forward(self, tokens, segments, mask):
        F = nn.functional
        first = {first}
        pooled = {pooled}
        dropped = {dropped}
        return {logits}

{freezing or freeze()}
{grouping or groups()}
"""


def freeze(
    thaw="model.requires_grad_(True)",
    alone="blocks is None",
    all_frozen="model.bert.requires_grad_(False)",
    embedding="bert.embedding.requires_grad_(False)",
    chosen="bert.blocks[:blocks]",
    block="block.requires_grad_(False)",
):
    """An answer to the second part of q4."""
    return f"""
def freeze(model, blocks=None):
    bert = model.bert
    {thaw}
    if {alone}:
        {all_frozen}
        return
    {embedding}
    for block in {chosen}:
        {block}
"""


def groups(
    head="model.pool, model.output",
    middle="reversed(bert.blocks)",
    embedding="bert.embedding",
    params="[one for one in part.parameters() if one.requires_grad]",
    lr="rate * decay**depth",
    returned="made",
):
    """An answer to the third part of q4."""
    return f"""
def groups(model, rate, decay):
    bert, n = model.bert, len(model.bert.blocks)
    top = nn.ModuleList([{head}])
    made = []
    for depth, part in enumerate([top, *{middle}, {embedding}]):
        made.append({{"params": {params}, "lr": {lr}}})
    return {returned}
"""


def frozen(**changes):
    return head(freezing=freeze(**changes))


def grouped(**changes):
    return head(grouping=groups(**changes))


BY_NAME = """
def freeze(model, blocks=None):
    model.requires_grad_(True)
    names = ["bert."]
    if blocks is not None:
        names = [f"bert.blocks.{n}" for n in range(blocks)] + ["bert.embedding"]
    for name, one in model.named_parameters():
        if any(name.startswith(start) for start in names):
            one.requires_grad_(False)
"""

RATES_BY_NAME = """
def groups(model, rate, decay):
    n, made = len(model.bert.blocks), []
    for name, one in model.named_parameters():
        depth = 0
        if name.startswith("bert.embedding"):
            depth = n + 1
        for number in range(n):
            if name.startswith(f"bert.blocks.{number}"):
                depth = n - number
                break
        if one.requires_grad:
            made.append({"params": [one], "lr": rate * decay**depth})
    return made
"""

FIRST_THEN_LAST = """
def best_span(start, end, tokens, segments, longest):
    inside = (segments == 1) & (tokens != SEP)
    first = start.masked_fill(~inside, -math.inf).argmax(dim=1)
    places = torch.arange(tokens.shape[1])
    behind = places - first[:, None]
    inside = inside & (behind >= 0) & (behind < longest)
    last = end.masked_fill(~inside, -math.inf).argmax(dim=1)
    return torch.stack([first, last], dim=1)
"""

CUT_AFTERWARDS = """
def best_span(start, end, tokens, segments, longest):
    inside = (segments == 1) & (tokens != SEP)
    pairs = start[:, :, None] + end[:, None, :]
    T = tokens.shape[1]
    allowed = torch.ones(T, T).bool().triu() & inside[:, None] & inside[:, :, None]
    best = pairs.masked_fill(~allowed, -math.inf).flatten(1).argmax(dim=1)
    first, last = best // T, best % T
    return torch.stack([first, torch.minimum(last, first + longest - 1)], dim=1)
"""


def span(
    given="",
    inside="(segments == 1) & (tokens != SEP)",
    order="triu()",
    length="tril(longest - 1)",
    both="inside[:, :, None] & inside[:, None, :]",
    score="start[:, :, None] + end[:, None, :]",
    hidden="-math.inf",
    masked="score.masked_fill(~allowed, hidden)",
    best="score.flatten(1).argmax(dim=1)",
    first="best // T",
    last="best % T",
    returned="torch.stack([first, last], dim=1)",
):
    """An answer to q5."""
    return f"""
def best_span(start, end, tokens, segments, longest):
    {given or "pass"}
    T, hidden = tokens.shape[1], {hidden}
    inside = {inside}
    allowed = torch.ones(T, T, dtype=torch.bool).{order}.{length}
    allowed = allowed & {both}
    score = {score}
    score = {masked}
    best = {best}
    first, last = {first}, {last}
    return {returned}
"""


def mutants(question, fails, **answers):
    """Wrong answers to one question that all fail the same tests."""
    names = frozenset(fails.split())
    return [Mutant(question, name, names, source) for name, source in answers.items()]


DRAW = "torch.rand(tokens.shape, generator=generator)"
WORD = "torch.randint({}, {}, {}, generator=generator)"
CLAMP = "original = original.clamp(0, len(bias) - 1)"  # no word is beyond the table
EVERY = "(x @ words.T + bias).flatten(0, 1)"  # the logits of all places
ENCODED = "self.bert(tokens, segments, mask)"

MUTANTS = [
    *mutants(
        "q1",
        Q1,
        no_mark_at_the_start=pack(
            row="[*a, SEP, *b, SEP]", segment="[0] * (len(a) + 1) + [1] * (len(b) + 1)"
        ),
        no_mark_at_the_end=pack(
            row="[CLS, *a, SEP, *b]", segment="[0] * (len(a) + 2) + [1] * len(b)"
        ),
        no_mark_between=pack(
            row="[CLS, *a, *b, SEP]", segment="[0] * (len(a) + 1) + [1] * (len(b) + 1)"
        ),
        two_marks_at_the_start=pack(row="[CLS, *a, CLS, *b, SEP]"),
        second_text_first=pack(
            row="[CLS, *b, SEP, *a, SEP]",
            segment="[0] * (len(b) + 2) + [1] * (len(a) + 1)",
        ),
        middle_mark_is_of_the_second=pack(
            segment="[0] * (len(a) + 1) + [1] * (len(b) + 2)"
        ),
        last_mark_is_of_the_first=pack(
            segment="[0] * (len(a) + 2) + [1] * len(b) + [0]"
        ),
        segments_1_and_2=pack(segment="[1] * (len(a) + 2) + [2] * (len(b) + 1)"),
        one_segment=pack(segment="[0] * (len(a) + len(b) + 3)"),
        padding_is_of_the_second=pack(padded_segment="row + [1] * (T - len(row))"),
        padded_in_front=pack(
            padded="[PAD] * (T - len(row)) + row",
            padded_segment="[0] * (T - len(row)) + row",
        ),
        mask_inverted=pack(mask="tokens == PAD"),
        mask_without_the_marks=pack(mask="tokens >= SPECIAL"),
        mask_of_the_second_text=pack(mask="segments == 1"),
        everything_is_real=pack(mask="torch.ones_like(tokens).bool()"),
        mask_second=pack(returned="tokens, mask, segments"),
        no_mask=pack(returned="tokens, segments"),
        room_for_four_marks=pack(room="longest - 4"),
    ),
    *mutants("q1", "q1.packed q1.any_texts", padded_to_longest=pack(T="longest")),
    *mutants(
        "q1",
        "q1.packed q1.cut",
        mask_of_numbers=pack(mask="(tokens != PAD).long()"),
        tokens_of_float=pack(returned="tokens.float(), segments, mask"),
        segments_of_truth_values=pack(returned="tokens, segments.bool(), mask"),
    ),
    *mutants(
        "q1",
        CUT,
        padded_before_the_cutting=pack(
            T="max(len(a) + len(b) + 3 for a, b in zip(first, second))"
        ),
        never_cut=pack(over="False"),
        marks_not_counted=pack(room="longest"),
        two_marks_counted=pack(room="longest - 2"),
        row_cut_at_its_end=pack(
            over="False",
            row="[CLS, *a, SEP, *b, SEP][:longest]",
            segment="([0] * (len(a) + 2) + [1] * (len(b) + 1))[:longest]",
        ),
        only_the_second_cut=pack(shorter="(b if b else a).pop()"),
        only_the_first_cut=pack(shorter="(a if a else b).pop()"),
        shorter_cut_first=pack(
            shorter="(a if b == [] or 0 < len(a) <= len(b) else b).pop()"
        ),
        equal_cuts_the_first=pack(shorter="(a if len(a) >= len(b) else b).pop()"),
        cut_in_turns=pack(
            shorter="(a if (len(a) + len(b)) % 2 and a or not b else b).pop()"
        ),
        both_cut_to_half=pack(
            shorter="half = room // 2; a, b = a[:half], b[: room - half]"
        ),
        cut_from_the_front=pack(shorter="(a if len(a) > len(b) else b).pop(0)"),
    ),
    *mutants("q1", "q1.cut", given_lists_cut=pack(copies="a, b")),
    *mutants(
        "q2",
        "q2.places q2.chance q2.fates q2.other_words q2.generator q2.any_gaps",
        only_the_seen=gaps(returned="seen"),
    ),
    *mutants(
        "q2",
        "q2.places q2.chance q2.fates q2.other_words q2.any_gaps",
        rate_turned_round=gaps(rate="1 - rate"),
        chosen_first=gaps(returned="chosen, seen"),
    ),
    *mutants(
        "q2",
        "q2.places q2.chance q2.fates q2.any_gaps",
        rate_ignored=gaps(rate="0.15"),
        rate_times_the_share_of_the_mask=gaps(rate="0.8 * rate"),
        kept_ones_not_chosen=gaps(again="chosen = chosen & (masked | swapped)"),
        only_masked_ones_chosen=gaps(again="chosen = seen == MASK"),
        changed_ones_chosen=gaps(again="chosen = seen != tokens"),
        chosen_turned_round=gaps(returned="seen, ~chosen"),
        original_where_chosen=gaps(
            returned="seen, torch.where(chosen, tokens, -100)",
        ),
    ),
    *mutants(
        "q2",
        "q2.places q2.any_gaps",
        special_ones_chosen=gaps(words="tokens >= 0"),
        only_padding_spared=gaps(words="tokens != PAD"),
        only_marks_spared=gaps(
            words="(tokens != CLS) & (tokens != SEP) & (tokens != PAD)"
        ),
        mask_itself_chosen=gaps(words="tokens >= MASK"),
        special_ones_chosen_but_kept=gaps(
            again=f"chosen = chosen | ({DRAW} < rate) & ~words"
        ),
        written_everywhere=gaps(
            seen="tokens.masked_fill(masked, MASK)",
            at="swapped",
        ),
        other_words_everywhere=gaps(at="swapped"),
        mask_over_special_ones=gaps(
            seen="tokens.masked_fill((chosen | ~words) & masked, MASK)"
        ),
    ),
    *mutants("q2", "q2.places", chosen_of_numbers=gaps(returned="seen, chosen.long()")),
    *mutants(
        "q2",
        "q2.places q2.other_words q2.any_gaps",
        first_word_spared=gaps(words="tokens > SPECIAL"),
    ),
    *mutants(
        "q2",
        "q2.places q2.chance q2.any_gaps",
        at_least_one_in_each_row=gaps(
            chosen=f"(draw := {DRAW} + 2 * ~words) < rate",
            again="chosen |= (draw == draw.amin(1, True)) & words",
        ),
        tokens_changed_in_place=gaps(seen="tokens.masked_fill_(chosen & masked, MASK)"),
    ),
    *mutants(
        "q2",
        "q2.chance",
        other_default=gaps(default="0.1"),
        a_fixed_number_in_the_batch=gaps(
            given="n = tokens.numel()",
            chosen="(torch.randperm(n, generator=generator) < rate * n).reshape(shape)",
        ),
    ),
    *mutants(
        "q2",
        "q2.chance q2.any_gaps",
        same_places_in_each_row=gaps(shape="tokens.shape[1:]"),
        whole_rows_chosen=gaps(shape="(len(tokens), 1)"),
        a_fixed_number_in_each_row=gaps(
            chosen=f"{DRAW}.argsort(1).argsort(1) < round(rate * shape[1])"
        ),
    ),
    *mutants(
        "q2",
        "q2.chance q2.generator q2.any_gaps",
        first_places_of_each_row=gaps(
            chosen="torch.arange(shape[1]) < rate * shape[1]"
        ),
        generator_of_its_own=gaps(given="generator = torch.Generator().manual_seed(0)"),
        seeded_again=gaps(given="generator.manual_seed(0)"),
        seeded_as_before=gaps(
            given="generator.manual_seed(generator.initial_seed())",
        ),
        global_seed=gaps(given="torch.manual_seed(0); generator = None"),
    ),
    *mutants(
        "q2",
        "q2.fates q2.any_gaps",
        always_the_mask=gaps(masked="fate < 2"),
        never_the_mask=gaps(masked="fate < 0", swapped="fate >= 0.5"),
        no_word_stays=gaps(swapped="fate >= 0.8"),
        a_tenth_of_the_rest=gaps(swapped=f"(fate >= 0.8) & ({DRAW} < 0.1)"),
        overwritten_by_words=gaps(swapped=f"{DRAW} < 0.1"),
        masked_75=gaps(masked="fate < 0.75"),
        shares_of_all_tokens=gaps(
            masked="fate < 0.8 * rate", swapped="fate >= 1 - 0.1 * rate"
        ),
        one_draw_for_both=gaps(chosen=f"(draw := {DRAW}) < rate", fate="draw"),
        one_fate_for_a_row=gaps(
            fate="torch.rand((len(tokens), 1), generator=generator)"
        ),
        one_fate_for_a_column=gaps(
            fate="torch.rand(tokens.shape[1], generator=generator)"
        ),
    ),
    *mutants(
        "q2",
        "q2.fates q2.other_words q2.any_gaps",
        no_other_words=gaps(swapped="fate > 2"),
        one_fate_for_all=gaps(fate="torch.rand((), generator=generator)"),
    ),
    *mutants(
        "q2",
        "q2.other_words q2.any_gaps",
        special_words_drawn=gaps(other=WORD.format(0, "vocabulary", "shape")),
        last_word_never_drawn=gaps(
            other=WORD.format("SPECIAL", "vocabulary - 1", "shape")
        ),
        first_word_never_drawn=gaps(
            other=WORD.format("SPECIAL + 1", "vocabulary", "shape")
        ),
        one_word_too_many=gaps(other=WORD.format("SPECIAL", "vocabulary + 1", "shape")),
        one_other_word_for_all=gaps(other=WORD.format("SPECIAL", "vocabulary", "()")),
        one_other_word_for_a_column=gaps(
            other=WORD.format("SPECIAL", "vocabulary", "shape[1:]")
        ),
        words_of_the_batch=gaps(
            given="flat = tokens.flatten()",
            other=f"flat[{WORD.format(0, 'len(flat)', 'shape')}]",
        ),
    ),
    *mutants(
        "q2",
        "q2.other_words",
        the_mask_drawn=gaps(other=WORD.format("MASK", "vocabulary", "shape")),
        one_other_word_for_a_row=gaps(
            other=WORD.format("SPECIAL", "vocabulary", "(len(tokens), 1)")
        ),
        the_next_word=gaps(
            other="SPECIAL + (tokens + 1 - SPECIAL) % (vocabulary - SPECIAL)"
        ),
    ),
    *mutants(
        "q2",
        "q2.generator q2.any_gaps",
        places_without_the_generator=gaps(chosen="torch.rand(shape) < rate"),
        fates_without_the_generator=gaps(fate="torch.rand(tokens.shape)"),
        words_without_the_generator=gaps(
            other="torch.randint(SPECIAL, vocabulary, tokens.shape)"
        ),
    ),
    *mutants(
        "q3",
        Q3,
        mean_over_all_places=loss(loss="losses.sum() / chosen.numel()"),
        mean_over_the_texts=loss(loss="losses.sum() / len(x)"),
        sum=loss(loss="losses.sum()"),
        one_more_in_the_mean=loss(loss="losses.sum() / (1 + len(asked))"),
        sign=loss(loss="-losses.sum() / max(1, len(asked))"),
        log2=loss(loss="losses.sum() / max(1, len(asked)) / math.log(2)"),
        probability=loss(losses="1 - logits.softmax(-1).gather(1, truth[:, None])"),
        softmax_twice=loss(
            losses="F.cross_entropy(logits.softmax(-1), truth, reduction='none')"
        ),
        logit_alone=loss(losses="-logits.gather(1, truth[:, None])"),
        softmax_over_the_places=loss(
            losses="-logits.log_softmax(0).gather(1, truth[:, None])"
        ),
        bias_forgotten=loss(logits="asked @ words.T + 0 * bias"),
        bias_subtracted=loss(logits="asked @ words.T - bias"),
        vectors_normed=loss(logits="F.normalize(asked, dim=-1) @ words.T + bias"),
        divided_by_the_root_of_C=loss(
            logits="asked @ words.T / x.shape[-1] ** 0.5 + bias"
        ),
        all_places=loss(
            given=CLAMP, asked="x.flatten(0, 1)", truth="original.flatten()"
        ),
        the_other_places=loss(
            given=CLAMP, asked="x[~chosen]", truth="original[~chosen]"
        ),
        first_places=loss(
            given=CLAMP,
            asked="x.flatten(0, 1)[: chosen.sum()]",
            truth="original.flatten()[: chosen.sum()]",
        ),
        truth_of_the_first_places=loss(
            given=CLAMP, truth="original.flatten()[: len(asked)]"
        ),
        first_text_only=loss(asked="x[0][chosen[0]]", truth="original[0][chosen[0]]"),
        smoothed=loss(
            losses="F.cross_entropy(logits, truth, reduction='none', "
            "label_smoothing=0.1)"
        ),
        word_0_ignored=loss(
            losses="F.cross_entropy(logits, truth, reduction='none', ignore_index=0)"
        ),
        loss_of_each_place=loss(returned="losses"),
    ),
    *mutants(
        "q3",
        "q3.loss q3.any_loss",
        clamped_mean=loss(loss="losses.sum() / max(2, len(asked))"),
        log_of_the_softmax=loss(
            losses="-logits.softmax(-1).gather(1, truth[:, None]).log()"
        ),
    ),
    *mutants(
        "q3",
        "q3.only_chosen q3.way_back q3.any_loss",
        logits_of_all_then_chosen=loss(logits="(x @ words.T + bias)[chosen]"),
        multiplied_by_0=loss(
            given=CLAMP,
            logits=EVERY,
            truth="original.flatten()",
            loss="(losses * chosen.flatten()).sum() / max(1, len(asked))",
        ),
        ignored_places=loss(
            logits=EVERY, truth="original.masked_fill(~chosen, -100).flatten()"
        ),
        vectors_times_0=loss(
            given="x = x * chosen[..., None]", logits="(x @ words.T + bias)[chosen]"
        ),
    ),
    *mutants(
        "q3",
        "q3.only_chosen q3.any_loss",
        zeros_for_the_others=loss(
            given="x = x.masked_fill(~chosen[..., None], 0.0)",
            logits="(x @ words.T + bias)[chosen]",
        ),
    ),
    *mutants("q3", "q3.only_chosen", nan_without_places=loss(loss="losses.mean()")),
    *mutants(
        "q3",
        "q3.way_back q3.any_loss",
        bias_detached=loss(logits="asked @ words.T + bias.detach()"),
        words_detached=loss(logits="asked @ words.detach().T + bias"),
        words_copied=loss(logits="asked @ torch.tensor(words.tolist()).T + bias"),
        x_detached=loss(asked="x[chosen].detach()"),
        no_gradient=loss(returned="loss.detach()"),
        plain_number=loss(returned="loss.item()"),
    ),
    *mutants(
        "q3",
        "q3.way_back",
        plain_0_without_places=loss(
            loss="losses.mean() if len(asked) else torch.tensor(0.0)"
        ),
        x_changed_in_place=loss(given="x.masked_fill_(~chosen[..., None], 0.0)"),
        original_changed_in_place=loss(given="original.masked_fill_(~chosen, -100)"),
    ),
    *mutants(
        "q4",
        HEAD,
        mean_of_the_tokens=head(first=f"{ENCODED}.mean(1)"),
        largest_of_the_tokens=head(first=f"{ENCODED}.amax(1)"),
        last_token=head(first=f"{ENCODED}[:, -1]"),
        first_text_for_all=head(first=f"{ENCODED}[:1, 0].expand(len(tokens), -1)"),
        segments_forgotten=head(first="self.bert(tokens, 0 * segments, mask)[:, 0]"),
        mask_forgotten=head(first="self.bert(tokens, segments, mask | True)[:, 0]"),
        encoder_detached=head(first=f"{ENCODED}[:, 0].detach()"),
        tanh_forgotten=head(pooled="self.pool(first)"),
        relu_for_tanh=head(pooled="torch.relu(self.pool(first))"),
        gelu_for_tanh=head(pooled="F.gelu(self.pool(first))"),
        sigmoid_for_tanh=head(pooled="torch.sigmoid(self.pool(first))"),
        tanh_before_the_pool=head(pooled="self.pool(torch.tanh(first))"),
        pool_forgotten=head(pooled="torch.tanh(first)"),
        softmax_at_the_end=head(logits="self.output(dropped).softmax(-1)"),
        tanh_at_the_end=head(logits="torch.tanh(self.output(dropped))"),
        dropout_always_on=head(dropped="F.dropout(pooled, self.p)"),
    ),
    *mutants(
        "q4",
        "q4.head",
        dropout_forgotten=head(dropped="pooled"),
        dropout_at_the_end=head(
            dropped="pooled", logits="self.dropout(self.output(pooled))"
        ),
        dropout_before_the_pool=head(
            pooled="torch.tanh(self.pool(self.dropout(first)))", dropped="pooled"
        ),
        dropout_of_a_tenth=head(dropout="nn.Dropout(0.1)"),
        dropout_never_on=head(dropped="F.dropout(pooled, self.p, training=False)"),
        dropout_without_the_scale=head(
            dropped="self.dropout(pooled) * (1 - self.p * self.training)"
        ),
        dropout_keeps_p=head(dropped="F.dropout(pooled, 1 - self.p, self.training)"),
        whole_vectors_dropped=head(
            dropped="pooled * self.dropout(torch.ones(len(pooled), 1))"
        ),
    ),
    *mutants(
        "q4",
        FROZEN,
        everything_learns=frozen(all_frozen="pass", embedding="pass", chosen="[]"),
        nothing_learns=frozen(
            all_frozen="model.requires_grad_(False)",
            embedding="model.requires_grad_(False)",
        ),
        pool_frozen_too=frozen(
            all_frozen="bert.requires_grad_(False); model.pool.requires_grad_(False)"
        ),
        output_frozen_instead=frozen(all_frozen="model.output.requires_grad_(False)"),
        embedding_learns_with_blocks=frozen(embedding="pass"),
        embedding_learns_alone=frozen(all_frozen="bert.blocks.requires_grad_(False)"),
        segments_learn=frozen(
            embedding='bert.embedding["words"].requires_grad_(False)'
        ),
        blocks_learn_alone=frozen(all_frozen="bert.embedding.requires_grad_(False)"),
        one_block_too_many=frozen(chosen="bert.blocks[: blocks + 1]"),
        one_block_too_few=frozen(chosen="bert.blocks[: max(blocks - 1, 0)]"),
        only_that_block=frozen(chosen="bert.blocks[max(blocks - 1, 0) : blocks]"),
        last_blocks_frozen=frozen(chosen="bert.blocks[len(bert.blocks) - blocks :]"),
        other_blocks_frozen=frozen(chosen="bert.blocks[blocks:]"),
        no_block_is_all=frozen(alone="not blocks"),
        never_thawed=frozen(thaw="pass"),
        set_on_the_module=frozen(block="block.requires_grad = False"),
        eval_for_freezing=frozen(all_frozen="bert.eval()"),
        frozen_by_the_start_of_a_name=head(freezing=BY_NAME),
    ),
    *mutants(
        "q4",
        RATES,
        one_rate_for_all=grouped(lr="rate"),
        one_rate_for_the_encoder=grouped(lr="rate * decay ** min(depth, 1)"),
        head_decayed=grouped(lr="rate * decay ** (depth + 1)"),
        last_block_at_the_full_rate=grouped(lr="rate * decay ** max(depth - 1, 0)"),
        embedding_as_the_first_block=grouped(
            lr="rate * decay ** min(depth, max(n, 1))"
        ),
        deep_parts_fastest=grouped(lr="rate * decay ** (n + 1 - depth)"),
        blocks_the_wrong_way_round=grouped(middle="bert.blocks"),
        rates_by_division=grouped(lr="rate / decay**depth"),
        rates_by_depth_times_decay=grouped(
            lr="rate * decay * depth if depth else rate"
        ),
        decay_alone=grouped(lr="decay**depth"),
        pool_in_no_group=grouped(head="model.output"),
        output_in_no_group=grouped(head="model.pool"),
        weights_only=grouped(
            params="[p for p in part.parameters() if p.requires_grad and p.dim() > 1]"
        ),
        embedding_in_no_group=grouped(embedding="nn.Module()"),
        encoder_in_no_group=grouped(returned="made[:1]"),
        all_parameters_on_top=grouped(head="model"),
        frozen_ones_too=grouped(params="list(part.parameters())"),
        frozen_ones_only=grouped(
            params="[one for one in part.parameters() if not one.requires_grad]"
        ),
        frozen_blocks_not_counted=grouped(
            middle="[b for b in reversed(bert.blocks) if b.weight.requires_grad]"
        ),
        rates_by_the_start_of_a_name=head(grouping=RATES_BY_NAME),
        one_group=grouped(returned='[{"params": model.parameters(), "lr": rate}]'),
    ),
    *mutants(
        "q4",
        "q4.rates",
        segments_in_no_group=grouped(embedding='bert.embedding["words"]'),
    ),
    *mutants(
        "q5",
        ORDER,
        two_maxima=span(
            first="start.masked_fill(~inside, hidden).argmax(1)",
            last="end.masked_fill(~inside, hidden).argmax(1)",
        ),
        start_then_end=FIRST_THEN_LAST,
        any_order=span(order="logical_or(torch.tensor(True))"),
        not_one_token=span(order="triu(1)"),
        any_length=span(length="triu()"),
        one_too_long=span(length="tril(longest)"),
        one_too_short=span(length="tril(longest - 2)"),
        always_30=span(length="tril(29)"),
        cut_afterwards=CUT_AFTERWARDS,
        larger_of_both=span(score="torch.maximum(start[:, :, None], end[:, None, :])"),
        sum_of_probabilities=span(
            score="start.softmax(1)[:, :, None] + end.softmax(1)[:, None, :]"
        ),
    ),
    *mutants(
        "q5",
        INSIDE,
        product_of_probabilities=span(  # they have become 0
            score="start.softmax(1)[:, :, None] * end.softmax(1)[:, None, :]"
        ),
        anywhere=span(inside="torch.ones_like(tokens).bool()"),
        both_texts=span(inside="tokens >= SPECIAL"),
        last_mark_allowed=span(inside="segments == 1"),
        only_the_start_inside=span(both="inside[:, :, None]"),
        only_the_end_inside=span(both="inside[:, None, :]"),
        one_end_inside=span(both="(inside[:, :, None] | inside[:, None, :])"),
        first_row_for_all=span(
            best="score.flatten(1).argmax(1)[:1].expand(len(tokens))"
        ),
        index_of_the_batch=span(best="score.flatten().argmax().expand(len(tokens))"),
    ),
    *mutants(
        "q5",
        Q5,
        order_turned_round=span(order="tril()", length="triu(1 - longest)"),
        product=span(score="start[:, :, None] * end[:, None, :]"),
        difference=span(score="start[:, :, None] - end[:, None, :]"),
        starts_alone=span(score="start[:, :, None] + 0 * end[:, None, :]"),
        starts_and_ends_exchanged=span(score="end[:, :, None] + start[:, None, :]"),
        smallest=span(
            masked="score.masked_fill(~allowed, math.inf)",
            best="score.flatten(1).argmin(dim=1)",
        ),
        zero_for_infinity=span(hidden="0.0"),
        a_thousand_for_infinity=span(hidden="-1e3"),
        multiplied_by_the_mask=span(masked="score * allowed"),
        first_text=span(inside="(segments == 0) & (tokens >= SPECIAL)"),
        without_the_first_token=span(
            inside="(segments.cumsum(1) > 1) & (segments == 1) & (tokens != SEP)"
        ),
        counted_in_the_page=span(
            first="best // T - segments.argmax(1)", last="best % T - segments.argmax(1)"
        ),
        end_behind_the_last=span(last="best % T + 1"),
        end_first=span(returned="torch.stack([last, first], dim=1)"),
        transposed=span(returned="torch.stack([first, last])"),
        start_and_length=span(returned="torch.stack([first, last - first + 1], dim=1)"),
        score_returned=span(returned="score.flatten(1).amax(dim=1)"),
    ),
]
