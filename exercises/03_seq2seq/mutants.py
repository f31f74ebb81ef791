"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant

SOFTMAX = "q1.softmax q1.far_apart q1.any_loss"
UNSAFE = "q1.far_apart q1.any_loss"
LOSS = "q1.per_token q1.any_loss"
SHOWN = "q2.shown q2.any_batch"
ASKED = "q2.asked q2.any_batch"
Q2 = "q2.shown q2.asked q2.any_batch"
Q3 = "q3.in_turn q3.stops q3.scores q3.any_table"
ROWS = "q3.stops q3.any_table"
TOKENS = "q3.in_turn q3.stops q3.any_table"
SCORES = "q3.scores q3.any_table"
Q4 = "q4.width_one q4.wider q4.penalty q4.any_tree q4.exact"
RANKED = "q4.penalty q4.any_tree q4.exact"
PRECISION = "q5.clipped q5.any_precision"
BREVITY = "q5.brevity q5.any_brevity"


def loss(
    log_softmax="z - z.exp().sum(-1, keepdim=True).log()",
    shift="logits.amax(-1, keepdim=True)",
    picked="log_p.gather(-1, target[..., None]).squeeze(-1)",
    mean="-true[mask].mean()",
):
    """An answer to q1; ``mean`` is made of the log p of the true tokens, ``true``."""
    return f"""
def log_softmax(logits):
    z = logits - {shift}
    return {log_softmax}

def masked_loss(log_p, target, mask):
    true = {picked}
    return {mean}
"""


def batch(
    previous="torch.cat([start, words], dim=1)",
    target="torch.cat([words, pad], dim=1)",
    at="mask.sum(dim=1)",
    end="END",
    places="torch.cat([start == START, mask], dim=1)",
    returned="previous, target, places",
):
    """An answer to q2; ``start`` and ``pad`` are columns (B, 1)."""
    return f"""
def decoder_batch(words, mask):
    start = torch.full_like(words[:, :1], START)
    pad = torch.full_like(start, PAD)
    target = {target}
    target[torch.arange(len(words)), {at}] = {end}
    previous = {previous}
    places = {places}
    return {returned}
"""


def walk(
    go_on="len(columns) < longest and not over.all()",
    read="token, state",
    handed_on="state",
    choice="log_p.max(dim=-1)",
    share="best.masked_fill(over, 0.0)",
    scores="scores + share",
    shown="token.masked_fill(over, PAD)",
    over="over | (token == END)",
    before="",
    returned="torch.stack(columns, dim=1), scores",
):
    """An answer to q3."""
    return f"""
def greedy(step, state, first, longest):
    token, columns = first, []
    scores = torch.zeros(len(first))
    over = torch.zeros(len(first), dtype=torch.bool)
    {before}
    while {go_on}:
        log_p, {handed_on} = step({read})
        best, token = {choice}
        share = {share}
        columns.append({shown})
        {"over = " + over if over else "pass"}
        scores = {scores}
    return {returned}
"""


def beam(
    steps="longest",
    score="score + more",
    prefix="prefix",
    kept="ordered[:width]",
    complete="tokens[-1] == END or length == longest",
    stays="not gone",
    aside="gone",
    shown="tokens",
    rank="score / ((5 + length) / 6) ** alpha",
    over="not beam",
    order="-one[1]",
    before="",
    returned="[one[:2] for one in ranked[:width]]",
):
    """An answer to q4."""
    return f"""
def beam_search(log_p, longest, width, alpha):
    beam, found = [((), 0.0)], []
    for length in range(1, {steps} + 1):
        continued = [
            ((*prefix, token), {score})
            for prefix, score in beam
            for token, more in enumerate(log_p({prefix}).tolist())
        ]
        ordered = sorted(continued, key=lambda one: -one[1])
        {before or "pass"}
        beam = []
        for tokens, score in {kept}:
            gone = {complete}
            if {aside}:
                found.append(({shown}, {rank}, score))
            if {stays}:
                beam.append((tokens, score))
        if {over}:
            break
    ranked = sorted(found, key=lambda one: {order})
    return {returned}
"""


# What is kept: the best continuation of each beginning; and beside the width best as
# many beginnings as have ended, which is how some libraries do it.
EACH_GREEDILY = """(
    ordered[:width] if length == 1 else
    [next(o for o in ordered if o[0][:-1] == b[0]) for b in before]
)"""
WITH_ROOM = """(
    ordered[:width] + [o for o in ordered[width:] if o[0][-1] != END][
        : sum(o[0][-1] == END for o in ordered[:width])
    ]
)"""

# As above, but a sentence that has ended stays in the beam.
KEPT = """
def beam_search(log_p, longest, width, alpha):
    beam = [((), 0.0)]
    for _ in range(longest):
        continued = []
        for prefix, score in beam:
            if END in prefix:
                continued.append((prefix, score))
            else:
                continued += [
                    ((*prefix, token), score + more)
                    for token, more in enumerate(log_p(prefix).tolist())
                ]
        beam = sorted(continued, key=lambda one: -one[1])[:width]
    ranked = [(t, score / ((5 + len(t)) / 6) ** alpha) for t, score in beam]
    return sorted(ranked, key=lambda one: -one[1])
"""


def bleu(
    grams="[tuple(s[i:i + n]) for i in range(len(s) - n + 1)]",
    matches="min(k, theirs[gram])",
    total="len(grams(translation))",
    corpus="",
    p="matched / all_ if all_ else 0.0",
    c="sum(map(len, translations))",
    r="sum(map(len, references))",
    brevity="min(1.0, math.exp(1 - r / c)) if c else 0.0",
):
    """An answer to q5; ``corpus`` may change what the sentences are."""
    return f"""
from collections import Counter

def precision(translations, references, n):
    grams = lambda s: {grams}
    matched = all_ = 0
    {corpus or "pass"}
    for translation, reference in zip(translations, references):
        theirs = Counter(grams(reference))
        ours = Counter(grams(translation))
        matched += sum({matches} for gram, k in ours.items())
        all_ += {total}
    return {p}

def brevity_penalty(translations, references):
    c, r = {c}, {r}
    return {brevity}
"""


AVERAGED = """
from collections import Counter

def precision(translations, references, n):
    return sum(
        _of_one(a, b, n) for a, b in zip(translations, references)
    ) / len(translations)

def _of_one(translation, reference, n):
    ours, theirs = (
        Counter(tuple(s[i : i + n]) for i in range(len(s) - n + 1))
        for s in (translation, reference)
    )
    return (ours & theirs).total() / max(1, ours.total())

def brevity_penalty(translations, references):
    c, r = sum(map(len, translations)), sum(map(len, references))
    return min(1.0, math.exp(1 - r / c)) if c else 0.0
"""


def mutant(question, name, source, *fails):
    names = frozenset(test for one in fails for test in one.split())
    return Mutant(question, name, names, source)


MUTANTS = [
    # q1
    mutant("q1", "nothing_subtracted", loss(shift="0"), UNSAFE),
    mutant("q1", "largest_of_all_rows", loss(shift="logits.max()"), UNSAFE),
    mutant("q1", "mean_subtracted", loss(shift="logits.mean(-1, True)"), UNSAFE),
    mutant("q1", "smallest_subtracted", loss(shift="logits.amin(-1, True)"), UNSAFE),
    mutant("q1", "log_of_the_softmax", loss("logits.softmax(-1).log()"), UNSAFE),
    mutant(
        "q1",
        "log_of_the_softmax_and_a_bit",
        loss("(logits.softmax(-1) + 1e-9).log()"),
        UNSAFE,
    ),
    mutant("q1", "no_logarithm", loss("logits.softmax(-1)"), SOFTMAX),
    mutant("q1", "logits_as_they_are", loss("logits"), SOFTMAX),
    mutant("q1", "over_the_first_dimension", loss("logits.log_softmax(0)"), SOFTMAX),
    mutant(
        "q1",
        "largest_not_added_back",
        loss("logits - z.exp().sum(-1, keepdim=True).log()"),
        SOFTMAX,
    ),
    mutant("q1", "over_all_rows", loss("z - z.exp().sum().log()"), SOFTMAX),
    mutant("q1", "padding_counted", loss(mean="-true.mean()"), LOSS),
    mutant(
        "q1",
        "divided_by_all_places",
        loss(mean="-true.masked_fill(~mask, 0).mean()"),
        LOSS,
    ),
    mutant(
        "q1",
        "padding_in_the_sum",
        loss(mean="-true.sum() / mask.sum()"),
        LOSS,
    ),
    mutant(
        "q1",
        "zero_times_infinity",
        loss(mean="-(true * mask).sum() / mask.sum()"),
        LOSS,
    ),
    mutant(
        "q1",
        "mean_of_sentences",
        loss(mean="-(true.masked_fill(~mask, 0).sum(1) / mask.sum(1)).mean()"),
        LOSS,
    ),
    mutant("q1", "per_sentence", loss(mean="-true[mask].sum() / len(mask)"), LOSS),
    mutant("q1", "not_divided", loss(mean="-true[mask].sum()"), LOSS),
    mutant("q1", "sign_forgotten", loss(mean="true[mask].mean()"), LOSS),
    mutant("q1", "mask_inverted", loss(mean="-true[~mask].mean()"), LOSS),
    mutant("q1", "perplexity", loss(mean="(-true[mask].mean()).exp()"), LOSS),
    mutant(
        "q1",
        "first_token_skipped",
        loss(mean="-true[:, 1:][mask[:, 1:]].mean()"),
        LOSS,
    ),
    mutant(
        "q1",
        "end_not_counted",
        loss(mean="-true[mask & (target != END)].mean()"),
        LOSS,
    ),
    mutant("q1", "most_probable_for_true", loss(picked="log_p.amax(-1)"), LOSS),
    # q2
    mutant("q2", "end_after_the_padding", batch(at="-1"), ASKED),
    mutant("q2", "no_end", batch(end="PAD"), ASKED),
    mutant(
        "q2",
        "end_over_the_last_word",
        batch(at="(mask.sum(dim=1) - 1).clamp(min=0)"),
        ASKED,
    ),
    mutant("q2", "start_for_end", batch(end="START"), ASKED),
    mutant(
        "q2",
        "not_shifted",
        batch(previous="target.clone()"),
        SHOWN,
    ),
    mutant(
        "q2",
        "start_asked_for",
        batch(
            target="torch.cat([start, words, pad], dim=1)",
            at="mask.sum(dim=1) + 1",
            places="torch.cat([start == START, start == START, mask], dim=1)",
        ),
        ASKED,
    ),
    mutant(
        "q2",
        "end_shown",
        batch(previous="torch.cat([start, target], dim=1)"),
        SHOWN,
    ),
    mutant(
        "q2",
        "start_over_the_first_word",
        batch(previous="torch.cat([start, words[:, 1:], pad], dim=1)"),
        SHOWN,
    ),
    mutant(
        "q2",
        "end_for_start",
        batch(previous="torch.cat([start + END - START, words], dim=1)"),
        SHOWN,
    ),
    mutant("q2", "no_start", batch(previous="torch.cat([words, pad], dim=1)"), SHOWN),
    mutant("q2", "rolled", batch(previous="target.roll(1, dims=1)"), SHOWN),
    mutant(
        "q2",
        "last_word_left_out",
        batch(previous="torch.cat([start, words], dim=1)[:, :-1]"),
        SHOWN,
    ),
    mutant(
        "q2",
        "end_not_in_the_mask",
        batch(places="torch.cat([mask, pad != PAD], dim=1)"),
        ASKED,
    ),
    mutant("q2", "mask_as_given", batch(places="mask"), ASKED),
    mutant("q2", "mask_inverted", batch(places="target == PAD"), ASKED),
    mutant("q2", "nothing_masked", batch(places="target >= 0"), ASKED),
    mutant("q2", "swapped", batch(returned="target, previous, places"), Q2),
    mutant("q2", "without_the_mask", batch(returned="previous, target"), Q2),
    # q3
    mutant("q3", "never_over", walk(over=""), Q3),
    mutant("q3", "finished_rows_go_on", walk(shown="token"), ROWS),
    mutant("q3", "end_repeated", walk(shown="token.masked_fill(over, END)"), ROWS),
    mutant(
        "q3",
        "first_end_stops_all",
        walk("len(columns) < longest and not over.any()"),
        ROWS,
        SCORES,
    ),
    mutant("q3", "rows_revived", walk(over="token == END"), ROWS, SCORES),
    mutant(
        "q3",
        "first_row_decides",
        walk(over="over | (token[0] == END)"),
        ROWS,
        SCORES,
    ),
    mutant("q3", "always_to_longest", walk("len(columns) < longest"), TOKENS),
    mutant(
        "q3",
        "one_too_many",
        walk("len(columns) <= longest and not over.all()"),
        Q3,
    ),
    mutant(
        "q3",
        "one_too_few",
        walk("len(columns) < max(1, longest - 1) and not over.all()"),
        Q3,
    ),
    mutant(
        "q3",
        "end_left_out",
        walk(shown="token.masked_fill(over | (token == END), PAD)"),
        TOKENS,
    ),
    mutant(
        "q3",
        "start_kept",
        walk(before="columns.append(first); longest += 1"),
        TOKENS,
    ),
    mutant("q3", "start_read_again", walk(read="first, state"), Q3),
    mutant("q3", "state_not_handed_on", walk(handed_on="_"), Q3),
    mutant("q3", "least_probable", walk(choice="log_p.min(dim=-1)"), Q3),
    mutant(
        "q3",
        "end_not_scored",
        walk(share="best.masked_fill(over | (token == END), 0.0)"),
        SCORES,
    ),
    mutant("q3", "scored_after_end", walk(share="best"), SCORES),
    mutant(
        "q3",
        "mean_for_sum",
        walk(returned="torch.stack(columns, 1), scores / len(columns)"),
        SCORES,
    ),
    mutant(
        "q3",
        "probability_for_its_logarithm",
        walk(returned="torch.stack(columns, 1), scores.exp()"),
        SCORES,
    ),
    mutant("q3", "last_score_only", walk(scores="share"), SCORES),
    mutant("q3", "only_the_tokens", walk(returned="torch.stack(columns, dim=1)"), Q3),
    mutant(
        "q3", "scores_first", walk(returned="scores, torch.stack(columns, dim=1)"), Q3
    ),
    mutant(
        "q3", "steps_for_rows", walk(returned="torch.stack(columns), scores"), TOKENS
    ),
    # q4
    mutant(
        "q4",
        "greedy",
        beam(kept="ordered[:1]"),
        "q4.wider",
        RANKED,
    ),
    mutant(
        "q4",
        "worst_kept",
        beam(kept="ordered[-width:]"),
        "q4.width_one q4.wider q4.penalty q4.any_tree",
    ),
    mutant(
        "q4",
        "nothing_dropped",
        beam(kept="ordered"),
        "q4.width_one q4.wider q4.any_tree",
    ),
    mutant(
        "q4",
        "each_beginning_greedily",
        beam(kept=EACH_GREEDILY, before="before = beam"),
        "q4.wider q4.any_tree q4.exact",
    ),
    mutant("q4", "ended_goes_on", beam(stays="True"), "q4.wider q4.any_tree q4.exact"),
    mutant("q4", "ended_takes_a_place", KEPT, "q4.wider q4.any_tree"),
    mutant(
        "q4",
        "ended_makes_room",
        beam(kept=WITH_ROOM),
        "q4.wider q4.any_tree",
    ),
    mutant(
        "q4",
        "every_end_put_aside",
        beam(kept="ordered[:width] + [o for o in ordered[width:] if o[0][-1] == END]"),
        "q4.width_one q4.any_tree",
    ),
    mutant(
        "q4",
        "stops_at_the_first_end",
        beam(over="found"),
        "q4.wider",
        RANKED,
    ),
    mutant(
        "q4",
        "stops_at_width_found",
        beam(over="len(found) >= width"),
        "q4.wider q4.any_tree",
    ),
    mutant(
        "q4",
        "unfinished_lost",
        beam(complete="tokens[-1] == END"),
        "q4.width_one q4.wider q4.any_tree q4.exact",
    ),
    mutant("q4", "ended_lost", beam(aside="length == longest"), Q4),
    mutant(
        "q4",
        "one_too_many",
        beam(steps="longest + 1", complete="tokens[-1] == END or length > longest"),
        Q4,
    ),
    mutant("q4", "one_too_few", beam(steps="longest - 1"), Q4),
    mutant("q4", "scores_not_summed", beam(score="more"), Q4),
    mutant("q4", "probabilities_summed", beam(score="score + math.exp(more)"), Q4),
    mutant("q4", "start_in_the_prefix", beam(prefix="(START, *prefix)"), Q4),
    mutant("q4", "last_token_for_the_prefix", beam(prefix="prefix[-1:]"), Q4),
    mutant(
        "q4",
        "end_left_out",
        beam(shown="tokens[:-1] if tokens[-1] == END else tokens"),
        Q4,
    ),
    mutant(
        "q4",
        "pairs_swapped",
        beam(returned="[(s, t) for t, s, _ in ranked[:width]]"),
        Q4,
    ),
    mutant("q4", "only_the_best", beam(returned="ranked[0][:2]"), Q4),
    mutant(
        "q4", "without_scores", beam(returned="[t for t, *_ in ranked[:width]]"), Q4
    ),
    mutant(
        "q4",
        "all_returned",
        beam(returned="[one[:2] for one in ranked]"),
        "q4.wider q4.penalty q4.any_tree",
    ),
    mutant(
        "q4",
        "sum_returned",
        beam(returned="[(t, s) for t, _, s in ranked[:width]]"),
        RANKED,
    ),
    mutant(
        "q4",
        "worst_first",
        beam(order="one[1]"),
        "q4.wider",
        RANKED,
    ),
    mutant("q4", "ranked_by_the_sum", beam(order="-one[2]"), RANKED),
    mutant(
        "q4",
        "as_they_were_found",
        beam(order="0"),
        "q4.wider",
        RANKED,
    ),
    mutant("q4", "penalty_ignored", beam(rank="score"), RANKED),
    mutant(
        "q4",
        "penalty_multiplied",
        beam(rank="score * ((5 + length) / 6) ** alpha"),
        RANKED,
    ),
    mutant(
        "q4",
        "penalty_inverted",
        beam(rank="score / (6 / (5 + length)) ** alpha"),
        RANKED,
    ),
    mutant("q4", "penalty_subtracted", beam(rank="score - alpha * length"), RANKED),
    mutant(
        "q4",
        "alpha_as_a_factor",
        beam(rank="score / (1 + alpha * (length - 1) / 6)"),
        RANKED,
    ),
    mutant("q4", "mean_for_penalty", beam(rank="score / length ** alpha"), RANKED),
    mutant("q4", "always_the_mean", beam(rank="score / length"), Q4),
    mutant(
        "q4",
        "length_without_end",
        beam(rank="score / ((5 + length - (tokens[-1] == END)) / 6) ** alpha"),
        RANKED,
    ),
    mutant(
        "q4",
        "longest_for_length",
        beam(rank="score / ((5 + longest) / 6) ** alpha"),
        RANKED,
    ),
    mutant(
        "q4",
        "length_with_start",
        beam(rank="score / ((6 + length) / 6) ** alpha"),
        RANKED,
    ),
    # q5
    mutant("q5", "not_clipped", bleu(matches="k if gram in theirs else 0"), PRECISION),
    mutant(
        "q5",
        "each_kind_once",
        bleu(matches="gram in theirs", total="len(ours)"),
        PRECISION,
    ),
    mutant("q5", "matches_of_kinds", bleu(matches="gram in theirs"), PRECISION),
    mutant("q5", "recall", bleu(total="len(grams(reference))"), PRECISION),
    mutant("q5", "reference_counts", bleu(matches="theirs[gram]"), PRECISION),
    mutant("q5", "averaged_over_sentences", AVERAGED, PRECISION),
    mutant(
        "q5",
        "pooled",
        bleu(
            corpus="translations, references = [sum(translations, [])],"
            " [sum(references, [])]"
        ),
        PRECISION,
    ),
    mutant("q5", "words_for_n_grams", bleu(grams="list(s)"), PRECISION),
    mutant(
        "q5",
        "one_n_gram_too_few",
        bleu("[tuple(s[i:i + n]) for i in range(len(s) - n)]"),
        PRECISION,
    ),
    mutant(
        "q5",
        "cut_off_at_the_end",
        bleu("[tuple(s[i:i + n]) for i in range(len(s))]"),
        PRECISION,
    ),
    mutant(
        "q5",
        "up_to_n",
        bleu(
            "[tuple(s[i:i + m]) for m in range(1, n + 1)"
            " for i in range(len(s) - m + 1)]"
        ),
        PRECISION,
    ),
    mutant(
        "q5",
        "same_place_only",
        bleu("[(i, *s[i:i + n]) for i in range(len(s) - n + 1)]"),
        PRECISION,
    ),
    mutant("q5", "percent", bleu(p="100 * matched / all_ if all_ else 0.0"), PRECISION),
    mutant(
        "q5", "one_for_nothing", bleu(p="matched / all_ if all_ else 1.0"), PRECISION
    ),
    mutant("q5", "division_by_zero", bleu(p="matched / all_"), PRECISION),
    mutant(
        "q5",
        "exp_the_wrong_way_round",
        bleu(brevity="min(1.0, math.exp(1 - c / r))"),
        BREVITY,
    ),
    mutant(
        "q5",
        "arguments_swapped",
        bleu(c="sum(map(len, references))", r="sum(map(len, translations))"),
        BREVITY,
    ),
    mutant(
        "q5",
        "long_output_rewarded",
        bleu(brevity="math.exp(1 - r / c) if c else 0.0"),
        BREVITY,
    ),
    mutant("q5", "ratio", bleu(brevity="min(1.0, c / r)"), BREVITY),
    mutant(
        "q5",
        "one_forgotten",
        bleu(brevity="min(1.0, math.exp(-r / c)) if c else 0.0"),
        BREVITY,
    ),
    mutant(
        "q5",
        "sentences_counted",
        bleu(c="len(translations)", r="len(references)"),
        BREVITY,
    ),
    mutant("q5", "never", bleu(brevity="1.0"), BREVITY),
    mutant(
        "q5",
        "empty_output_not_foreseen",
        bleu(brevity="min(1.0, math.exp(1 - r / c))"),
        "q5.brevity",
    ),
    mutant(
        "q5",
        "brevity_averaged",
        bleu(
            brevity="sum(min(1.0, math.exp(1 - len(b) / len(a))) if a else 0.0"
            " for a, b in zip(translations, references)) / len(references)"
        ),
        BREVITY,
    ),
]
