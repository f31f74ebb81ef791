"""Typical wrong answers, and exactly the tests that each must fail.

The hidden test of a question fails with every wrong answer to it.
"""

from course_lib.grading import Mutant


def cut(
    given="pass",
    rows="height // side",
    columns="width // side",
    split="images.reshape(B, channels, rows, side, columns, side)",
    axes="0, 2, 4, 1, 3, 5",
    flat="x.reshape(B, rows * columns, -1)",
    back="",
):
    """An answer to q1, with something wrong in its first part, or in ``back``."""
    return f"""
def patchify(images, side):
    F = torch.nn.functional
    B, channels, height, width = images.shape
    {given}
    rows = {rows}
    columns = {columns}
    x = {split}
    x = x.permute({axes})
    return {flat}

{back or joined()}
"""


def joined(
    given="pass",
    rows="height // side",
    columns="width // side",
    split="patches.reshape(B, rows, columns, channels, side, side)",
    axes="0, 3, 1, 4, 2, 5",
    whole="x.reshape(B, channels, height, width)",
):
    """The second part of an answer to q1."""
    return f"""
def unpatchify(patches, side, channels, height, width):
    F = torch.nn.functional
    B = len(patches)
    {given}
    rows = {rows}
    columns = {columns}
    x = {split}
    x = x.permute({axes})
    return {whole}
"""


def back(**changes):
    return cut(back=joined(**changes))


def filled(shape, image, square, kind=""):
    """Statements for q1 that fill zeros, square by square."""
    return f"""
    made = torch.zeros({shape}{kind})
    squares = [
        (i, j) for i in range(0, height, side) for j in range(0, width, side)
    ]
    for t, (i, j) in enumerate(squares):
        square = slice(i, i + side), slice(j, j + side)
        {image} = {square}
    return made
"""


def filled_patches(kind=""):
    size = "B, height * width // side**2, channels * side * side"
    return cut(
        given=filled(
            size, "made[:, t]", "images[:, :, square[0], square[1]].flatten(1)", kind
        )
    )


def filled_images(kind=""):
    return back(
        given=filled(
            "B, channels, height, width",
            "made[:, :, square[0], square[1]]",
            "patches[:, t].unflatten(1, (channels, side, side))",
            kind,
        )
    )


def embed(
    given="pass",
    pixels="patchify(images, side)",
    matrix="weight.flatten(1)",
    x="pixels @ matrix.T + bias",
    first="token.expand(len(images), 1, -1)",
    both="torch.cat([first, x], dim=1)",
    answer="both + places",
):
    """An answer to q2."""
    return f"""
def embed(images, weight, bias, token, places):
    F = torch.nn.functional
    {given}
    side, C = weight.shape[-1], len(weight)
    pixels, matrix = {pixels}, {matrix}
    x = {x}
    first = {first}
    both = {both}
    return {answer}
"""


def convolved(grid, **changes):
    """An answer to q2 whose vectors come as a grid, (B, C, rows, columns)."""
    return embed(x=f"{grid}.flatten(2).transpose(1, 2)", **changes)


def resize(
    given="pass",
    first="table[:1]",
    rest="table[1:]",
    image="rest.T.unflatten(1, old)",
    size="new",
    how="mode='bilinear'",
    scaled="F.interpolate(image[None], size, {how})[0]",
    flat="scaled.flatten(1).T",
    answer="torch.cat([first, flat])",
):
    """An answer to q3."""
    return f"""
def resize_places(table, old, new):
    F = torch.nn.functional
    {given}
    first, rest = {first}, {rest}
    image, size = {image}, {size}
    scaled = {scaled.format(how=how)}
    flat = {flat}
    return {answer}
"""


def by_index(s, between="(s - s.floor())[:, None]", clamped="s.clamp(0, n - 1)"):
    """An answer to q3 without interpolate, whose new places stand at ``s``."""
    return f"""
def along(x, n, m):
    i = torch.arange(m, dtype=x.dtype, device=x.device)
    s = {s}
    s = {clamped}
    part = {between}
    below, above = s.floor().long(), s.ceil().long()
    flat = x.reshape(n, -1)
    mixed = flat[below % n] * (1 - part) + flat[above % n] * part
    return mixed.reshape(m, *x.shape[1:])


def resize_places(table, old, new):
    image = table[1:].reshape(*old, -1)
    image = along(image, old[0], new[0])
    image = along(image.transpose(0, 1), old[1], new[1]).transpose(0, 1)
    return torch.cat([table[:1], image.flatten(0, 1)])
"""


def flow(
    given="pass",
    same="torch.eye(T, dtype=maps.dtype, device=maps.device)",
    start="same.expand(B, T, T)",
    blocks="maps.mean(dim=2)",
    A="(W + same) / 2",
    product="A @ flow",
    answer="flow",
    second="",
):
    """An answer to q4, with something wrong in its first part, or in ``second``."""
    return f"""
def rollout(maps):
    B, H, T = maps.shape[1:4]
    {given}
    same = {same}
    flow = {start}
    for W in {blocks}:
        A = {A}
        flow = {product}
    return {answer}

{second or shown()}
"""


def shown(
    given="pass",
    shares="flow[:, 0, 1:]",
    total="shares.sum(dim=1, keepdim=True)",
    divided="shares / total",
    laid="divided.unflatten(1, grid)",
):
    """The second part of an answer to q4."""
    return f"""
def picture(flow, grid):
    {given}
    shares = {shares}
    total = {total}
    divided = {divided}
    return {laid}
"""


def view(**changes):
    return flow(second=shown(**changes))


HEADS_APART = """
def rollout(maps):
    same = torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device)
    flow = same.expand(maps.shape[1:])
    for weights in maps:
        flow = (weights + same) / 2 @ flow
    return flow.mean(dim=1)
""" + shown()


def smooth(
    sure="F.one_hot(labels, classes).float()",
    targets="(1 - smoothing) * sure + smoothing / classes",
    mixing="",
    losing="",
):
    """An answer to q5, with something wrong in one of its three parts."""
    return f"""
F = torch.nn.functional

def smoothed(labels, classes, smoothing):
    sure = {sure}
    return {targets}

{mixing or mix()}
{losing or loss()}
"""


def mix(
    given="pass",
    left="share.reshape(-1, 1, 1, 1)",
    left_of_targets="left.reshape(-1, 1)",
    others="images[order]",
    images="left * images + (1 - left) * others",
    others_targets="targets[order]",
    targets="left * targets + (1 - left) * others",
    answer="new, targets",
):
    """The second part of an answer to q5."""
    return f"""
def mixed(images, targets, share, order):
    {given}
    left = {left}
    others = {others}
    new = {images}
    left = {left_of_targets}
    others = {others_targets}
    targets = {targets}
    return {answer}
"""


def loss(
    given="pass",
    logs="logits.log_softmax(dim=1)",
    products="targets * logs",
    each="-products.sum(dim=1)",
    answer="each.mean()",
):
    """The third part of an answer to q5."""
    return f"""
def soft_cross_entropy(logits, targets):
    {given}
    logs = {logs}
    products = {products}
    each = {each}
    return {answer}
"""


def mixing(**changes):
    return smooth(mixing=mix(**changes))


def losing(**changes):
    return smooth(losing=loss(**changes))


def mutants(question, fails, **answers):
    """Wrong answers to one question that all fail the same tests."""
    names = frozenset(fails.split())
    return [Mutant(question, name, names, source) for name, source in answers.items()]


MUTANTS = [
    *mutants(
        "q1",
        "q1.order q1.way_back q1.any_image",
        channels_inside_both_ways=cut(
            axes="0, 2, 4, 3, 5, 1",
            back=joined(
                split="patches.reshape(B, rows, columns, side, side, channels)",
                axes="0, 5, 1, 3, 2, 4",
            ),
        ),
        column_by_column_both_ways=cut(
            axes="0, 4, 2, 1, 3, 5",
            back=joined(
                split="patches.reshape(B, columns, rows, channels, side, side)",
                axes="0, 3, 2, 4, 1, 5",
            ),
        ),
        reshape_both_ways=cut(
            flat="images.reshape(B, rows * columns, -1)",
            back=joined(whole="patches.reshape(B, channels, height, width)"),
        ),
    ),
    *mutants(
        "q1",
        "q1.order q1.manners q1.any_image",
        as_many_columns_as_rows=cut(columns="rows"),
        as_many_rows_as_columns=cut(rows="width // side"),
    ),
    *mutants(
        "q1",
        "q1.way_back q1.manners q1.any_image",
        back_to_a_square_grid=back(
            rows="round(patches.shape[1] ** 0.5)", columns="rows"
        ),
        back_for_three_channels=back(given="channels = 3"),
    ),
    *mutants(
        "q1",
        "q1.order q1.any_image",
        channels_stand_inside=cut(axes="0, 2, 4, 3, 5, 1"),
        squares_column_by_column=cut(axes="0, 4, 2, 1, 3, 5"),
        pixels_column_by_column=cut(axes="0, 2, 4, 1, 5, 3"),
        all_column_by_column=cut(axes="0, 4, 2, 1, 5, 3"),
        channels_between_pixel_rows=cut(axes="0, 2, 4, 3, 1, 5"),
        never_cut=cut(flat="images.reshape(B, rows * columns, -1)"),
        every_other_pixel=cut(
            split="images.reshape(B, channels, side, rows, side, columns)",
            axes="0, 3, 5, 1, 2, 4",
        ),
        every_other_column=cut(
            split="images.reshape(B, channels, rows, side, side, columns)",
            axes="0, 2, 5, 1, 3, 4",
        ),
        a_patch_for_each_channel=cut(
            axes="0, 1, 2, 4, 3, 5", flat="x.reshape(B, -1, side * side)"
        ),
        a_token_for_each_number=cut(
            flat="x.reshape(B, rows * columns, -1).transpose(1, 2)"
        ),
        unfolded_and_reshaped=cut(
            flat="F.unfold(images, side, stride=side).reshape(B, rows * columns, -1)"
        ),
        patches_overlap=cut(flat="F.unfold(images, side).transpose(1, 2)"),
        height_for_width=cut(rows="width // side", columns="height // side"),
        first_channel_only=cut(flat="x[:, :, :, :1].reshape(B, rows * columns, -1)"),
        mean_of_the_channels=cut(flat="x.mean(3).reshape(B, rows * columns, -1)"),
        grid_not_laid_flat=cut(flat="x.flatten(3)"),
        last_patch_lost=cut(
            flat="x.reshape(B, rows * columns, -1)[:, : rows * columns - 1]"
        ),
        from_the_bottom=cut(flat="x.flip(1).reshape(B, rows * columns, -1)"),
        channels_backwards=cut(flat="x.flip(3).reshape(B, rows * columns, -1)"),
        bytes_expected=cut(given="images = images / 255"),
        first_image_only=cut(flat="x[:1].reshape(1, rows * columns, -1)"),
    ),
    *mutants(
        "q1",
        "q1.way_back q1.any_image",
        back_by_reshape=back(whole="patches.reshape(B, channels, height, width)"),
        back_with_channels_inside=back(
            split="patches.reshape(B, rows, columns, side, side, channels)",
            axes="0, 5, 1, 3, 2, 4",
        ),
        back_column_by_column=back(
            split="patches.reshape(B, columns, rows, channels, side, side)",
            axes="0, 3, 2, 4, 1, 5",
        ),
        back_with_pixels_turned=back(axes="0, 3, 1, 5, 2, 4"),
        back_by_the_way_there=back(axes="0, 2, 4, 1, 3, 5"),
        back_to_width_by_height=back(whole="x.reshape(B, channels, width, height)"),
        back_to_channels_last=back(
            whole="x.reshape(B, channels, height, width).permute(0, 2, 3, 1)"
        ),
        back_without_transpose=back(
            whole="F.fold(patches.reshape(B, -1, rows * columns), (height, "
            "width), side, stride=side)"
        ),
        back_with_height_for_width=back(rows="width // side", columns="height // side"),
        back_for_one_image=back(given="B, patches = 1, patches[:1]"),
    ),
    *mutants(
        "q1",
        "q1.manners q1.any_image",
        image_changed_in_place=cut(
            given="images.transpose_(1, 2)",
            split="images.reshape(B, rows, side, channels, columns, side)",
            axes="0, 1, 4, 3, 2, 5",
        ),
        image_of_float32=cut(given="images = images.float()"),
        image_as_numpy=cut(given="images = torch.tensor(images.numpy())"),
        zeros_of_float32=filled_patches(),
        zeros_on_the_cpu=filled_patches(", dtype=images.dtype"),
        back_to_zeros_of_float32=filled_images(),
        back_to_zeros_on_the_cpu=filled_images(", dtype=patches.dtype"),
        back_to_float32=back(given="patches = patches.float()"),
        back_in_place=back(
            given="patches.transpose_(1, 2)",
            split="patches.reshape(B, channels, side, side, rows, columns)",
            axes="0, 1, 4, 2, 5, 3",
        ),
    ),
    *mutants(
        "q2",
        "q2.vectors q2.class_and_places q2.learns q2.any_embedding",
        kernels_turned=embed(matrix="weight.transpose(2, 3).flatten(1)"),
        kernels_with_channels_inside=embed(
            matrix="weight.permute(0, 2, 3, 1).flatten(1)"
        ),
        kernels_with_channels_backwards=embed(matrix="weight.flip(1).flatten(1)"),
        kernels_upside_down=embed(matrix="weight.flip(2, 3).flatten(1)"),
        kernels_reshaped_for_transposed=embed(
            x="pixels @ weight.reshape(-1, C) + bias"
        ),
        no_bias=embed(x="pixels @ matrix.T"),
        bias_for_the_class_token_alone=embed(
            x="pixels @ matrix.T", first="(token + bias).expand(len(images), 1, -1)"
        ),
        mean_of_the_products=embed(x="pixels @ matrix.T / matrix.shape[1] + bias"),
        divided_by_the_root=embed(
            x="pixels @ matrix.T / matrix.shape[1] ** 0.5 + bias"
        ),
        words_were_multiplied_by_the_root=embed(
            x="(pixels @ matrix.T + bias) * C**0.5"
        ),
        relu_behind_the_matrix=embed(x="(pixels @ matrix.T + bias).relu()"),
        convolved_without_stride=convolved(
            "F.conv2d(images, weight, bias)[:, :, : images.shape[2] // "
            "side, : images.shape[3] // side]"
        ),
        convolved_and_reshaped=embed(
            x="F.conv2d(images, weight, bias, stride=side).reshape(len(images), -1, C)"
        ),
        convolved_column_by_column=convolved(
            "F.conv2d(images, weight, bias, stride=side).transpose(2, 3)"
        ),
        convolved_with_padding=convolved(
            "F.conv2d(images, weight, bias, stride=side, padding=side // 2)",
            answer="both[:, : len(places)] + places",
        ),
        class_token_last=embed(both="torch.cat([x, first], dim=1)"),
        class_token_last_with_its_place=embed(
            both="torch.cat([x, first], dim=1)", answer="both + places.roll(-1, 0)"
        ),
        no_class_token=embed(both="x", answer="both + places[1:]"),
        class_token_in_place_of_a_patch=embed(
            both="torch.cat([first, x[:, 1:], x[:, :1]], dim=1)"
        ),
        class_token_added_to_all=embed(both="torch.cat([first, x + token], dim=1)"),
        places_multiply=embed(answer="both * places"),
        dropout_left_on=embed(answer="F.dropout(both + places, 0.1)"),
        tokens_first_images_second=embed(answer="(both + places).transpose(0, 1)"),
        numbers_before_tokens=embed(answer="(both + places).transpose(1, 2)"),
    ),
    *mutants(
        "q2",
        "q2.class_and_places q2.learns q2.any_embedding",
        bias_for_the_class_token_too=embed(
            first="(token + bias).expand(len(images), 1, -1)"
        ),
        class_token_of_zeros=embed(first="0 * token.expand(len(images), 1, -1)"),
        class_token_of_the_first_image=embed(
            first="torch.cat([token[None, None], torch.zeros_like(x[1:, :1])])"
        ),
        class_token_is_the_mean=embed(first="token + x.mean(1, keepdim=True)"),
        places_for_patches_only=embed(
            both="torch.cat([first, x + places[1:]], dim=1)", answer="both"
        ),
        places_forgotten=embed(answer="both + 0 * places"),
        places_shifted_by_one=embed(answer="both + places.roll(-1, 0)"),
        places_of_the_patches_backwards=embed(
            answer="both + torch.cat([places[:1], places[1:].flip(0)])"
        ),
        first_place_for_all=embed(answer="both + places[:1]"),
        first_place_for_patches=embed(
            answer="both + torch.cat([places[:1], places[:-1]])"
        ),
    ),
    *mutants(
        "q2",
        "q2.learns q2.any_embedding",
        no_error_at_all=embed(answer="(both + places).detach()"),
        no_error_for_the_class_token=embed(
            first="token.detach().expand(len(images), 1, -1)"
        ),
        no_error_for_the_places=embed(answer="both + places.data"),
        no_error_for_the_kernels=embed(matrix="weight.data.flatten(1)"),
        no_error_for_the_bias=embed(x="pixels @ matrix.T + bias.detach()"),
        no_error_for_the_images=embed(pixels="patchify(images.detach(), side)"),
        one_error_for_the_class_token=embed(
            first="torch.cat([token[None], token.detach().expand(len(images) - "
            "1, -1)])[:, None]"
        ),
        copied_into_a_layer=embed(
            given="layer = torch.nn.Linear(2, 2); layer.weight.data = "
            "weight.detach().flatten(1); layer.bias.data = bias.detach()",
            x="layer(pixels)",
        ),
        copied_into_a_parameter=embed(
            given="places = torch.nn.Parameter(places.detach().clone())"
        ),
        tokens_of_float32=embed(answer="(both + places).float()"),
        zeros_on_the_cpu=embed(
            both="torch.cat([torch.zeros(len(images), 1, C, dtype=x.dtype) + "
            "first, x], dim=1)"
        ),
        places_on_the_cpu=embed(
            answer="both + torch.zeros(len(places), 1, dtype=x.dtype) + places"
        ),
        places_changed_in_place=embed(
            given="with torch.no_grad():\n        places[0] += token",
            both="torch.cat([first - first.detach(), x], dim=1)",
        ),
        bias_changed_in_place=embed(
            given="bias.data.neg_()", x="pixels @ matrix.T - bias"
        ),
    ),
    *mutants(
        "q3",
        "q3.stays q3.larger q3.smaller q3.any_grid",
        class_row_scaled_as_well=resize(
            rest="table",
            image="rest.T[None]",
            scaled="F.interpolate(image, 1 + new[0] * new[1], mode='linear')[0]",
            flat="scaled.T",
            answer="flat",
        ),
        class_row_lost=resize(answer="flat"),
        class_row_last=resize(answer="torch.cat([flat, first])"),
        class_row_taken_from_the_end=resize(first="table[-1:]", rest="table[:-1]"),
        class_row_last_before_and_after=resize(
            first="table[-1:]", rest="table[:-1]", answer="torch.cat([flat, first])"
        ),
        class_row_of_zeros=resize(first="torch.zeros_like(table[:1])"),
        class_row_is_the_mean=resize(first="table[1:].mean(0, keepdim=True)"),
        class_row_in_the_corner=resize(rest="torch.cat([table[:1], table[2:]])"),
        grid_turned=resize(image="rest.T.unflatten(1, old[::-1])"),
        new_grid_turned=resize(size="new[::-1]"),
        picture_without_transpose=resize(image="rest.reshape(-1, *old)"),
        flat_without_transpose=resize(flat="scaled.reshape(-1, table.shape[1])"),
        laid_flat_column_by_column=resize(flat="scaled.transpose(1, 2).flatten(1).T"),
        read_column_by_column=resize(
            image="rest.T.unflatten(1, old[::-1]).transpose(1, 2)"
        ),
        old_and_new_exchanged=resize(given="old, new = new, old"),
        square_old_grid_assumed=resize(
            given="n = round((len(table) - 1) ** 0.5)",
            image="rest.T.unflatten(1, (n, n))",
        ),
        square_new_grid_assumed=resize(size="(new[0], new[0])"),
        one_factor_for_both_axes=resize(
            scaled="F.interpolate(image[None], scale_factor=new[0] / old[0], "
            "mode='bilinear')[0]"
        ),
        factor_of_the_number_of_patches=resize(
            scaled="F.interpolate(image[None], scale_factor=(new[0] * new[1] / "
            "(old[0] * old[1])) ** 0.5, mode='bilinear')[0]"
        ),
        transposed_answer=resize(answer="torch.cat([first, flat]).T"),
        places_off_by_one=by_index("(i + 1.5) * n / m - 0.5"),
        places_with_half_too_much=by_index("(i + 0.5) * n / m"),
    ),
    *mutants(
        "q3",
        "q3.larger q3.smaller q3.any_grid",
        both_grids_turned=resize(
            image="rest.T.unflatten(1, old[::-1])", size="new[::-1]"
        ),
        neither_transposed=resize(
            image="rest.reshape(-1, *old)", flat="scaled.reshape(-1, table.shape[1])"
        ),
        column_by_column_both_times=resize(
            image="rest.T.unflatten(1, old[::-1]).transpose(1, 2)",
            flat="scaled.transpose(1, 2).flatten(1).T",
        ),
        corners_over_corners=resize(how="mode='bilinear', align_corners=True"),
        nearest=resize(how="mode='nearest'"),
        bicubic=resize(how="mode='bicubic'"),
        area=resize(how="mode='area'"),
        along_the_row_only=resize(
            image="rest.T[None]",
            scaled="F.interpolate(image, new[0] * new[1], mode='linear')[0]",
            flat="scaled.T",
        ),
        repeated=resize(
            scaled="image.repeat_interleave(-(-new[0] // old[0]), "
            "1).repeat_interleave(-(-new[1] // old[1]), 2)[:, : new[0], : "
            "new[1]]"
        ),
        padded_with_zeros=resize(
            scaled="F.pad(image, (0, new[1] - old[1], 0, new[0] - old[0]))"
        ),
        cut_off_where_smaller=resize(
            scaled="F.interpolate(image[None], (max(new[0], old[0]), max(new[1], "
            "old[1])), mode='bilinear')[0][:, : new[0], : new[1]]"
        ),
        middle_cut_out_where_smaller=resize(
            given="if new[0] < old[0]:\n        top = (old[0] - new[0]) // 2\n   "
            "     table = torch.cat([table[:1], table[1:].unflatten(0, "
            "old)[top : top + new[0]].flatten(0, 1)]); old = new[0], old[1]"
        ),
        as_many_places_so_nothing_to_do=resize(
            given="if old[0] * old[1] == new[0] * new[1]:\n        return table"
        ),
        rows_only_and_repeated=resize(
            scaled="F.interpolate(F.interpolate(image[None], (new[0], old[1]), "
            "mode='bilinear'), new)[0]"
        ),
        places_without_the_half=by_index("i * n / m"),
        places_from_end_to_end=by_index("i * (n - 1) / max(m - 1, 1)"),
        factor_upside_down=by_index("(i + 0.5) * m / n - 0.5"),
        places_wrap_around=by_index("(i + 0.5) * n / m - 0.5", clamped="s"),
        the_farther_one_weighs_more=by_index(
            "(i + 0.5) * n / m - 0.5", between="(s.ceil() - s)[:, None]"
        ),
        the_lower_one_only=by_index(
            "(i + 0.5) * n / m - 0.5", between="(0 * s)[:, None]"
        ),
    ),
    *mutants(
        "q3",
        "q3.stays q3.any_grid",
        table_of_float32=resize(given="table = table.float()"),
        zeros_of_float32=resize(
            given="made = torch.zeros(1 + new[0] * new[1], table.shape[1])",
            answer="made.index_copy(0, torch.arange(len(made)), torch.cat([first, "
            "flat]).float())",
        ),
        zeros_on_the_cpu=resize(
            answer="torch.zeros(1 + new[0] * new[1], 1, dtype=table.dtype) + "
            "torch.cat([first, flat])"
        ),
        table_as_numpy=resize(given="table = torch.from_numpy(table.numpy())"),
        table_changed_in_place=resize(
            given="mean = table[1:].mean(0); table[1:] -= mean",
            flat="scaled.flatten(1).T + mean",
        ),
        class_row_taken_out_in_place=resize(
            given="first = table[:1].clone(); table[0] = 0", first="first"
        ),
    ),
    *mutants(
        "q3",
        "q3.smaller q3.any_grid",
        antialiased=resize(how="mode='bilinear', antialias=True"),
    ),
    *mutants(
        "q4",
        "q4.one_block q4.many_blocks q4.any_maps",
        heads_maximum=flow(blocks="maps.amax(dim=2)"),
        heads_sum=flow(blocks="maps.sum(dim=2)"),
        first_head_only=flow(blocks="maps[:, :, 0]"),
        images_averaged=flow(
            blocks="maps.mean(dim=2).mean(dim=1, keepdim=True).expand(-1, B, -1, -1)"
        ),
        first_image_for_all=flow(
            blocks="maps.mean(dim=2)[:, :1].expand(-1, B, -1, -1)"
        ),
        images_averaged_in_place_of_heads=flow(blocks="maps.mean(dim=1)"),
        no_residual=flow(A="W"),
        residual_not_halved=flow(A="W + same"),
        only_the_identity_halved=flow(A="W + same / 2"),
        only_the_attention_halved=flow(A="W / 2 + same"),
        residual_of_a_tenth=flow(A="0.9 * W + 0.1 * same"),
        residual_of_one_over_T=flow(A="(W + 1 / T) / 2"),
        columns_for_rows=flow(A="(W.transpose(1, 2) + same) / 2"),
        answer_turned=flow(answer="flow.transpose(1, 2)"),
        columns_divided=flow(A="(A := (W + same)) / A.sum(1, keepdim=True)"),
        divided_by_the_largest=flow(A="(A := (W + same)) / A.amax(2, keepdim=True)"),
        softmax_once_more=flow(A="(W.softmax(-1) + same) / 2"),
        last_block_left_out=flow(blocks="maps[:-1].mean(dim=2)"),
        first_block_left_out=flow(blocks="maps[1:].mean(dim=2)"),
        first_block_twice=flow(start="(maps[0].mean(1) + same) / 2"),
        class_row_alone=flow(answer="flow[:, 0]"),
        class_token_left_out=flow(answer="flow[:, 1:, 1:]"),
    ),
    *mutants(
        "q4",
        "q4.one_block q4.any_maps",
        identity_of_float32=flow(
            same="torch.eye(T, device=maps.device)",
            start="same.expand(B, T, T)",
            A="(W.float() + same) / 2",
        ),
        identity_on_the_cpu=flow(same="torch.eye(T, dtype=maps.dtype)"),
        identity_in_place=flow(
            given="maps = maps.mul_(0.5); maps.diagonal(dim1=-2, dim2=-1).add_(0.5)",
            A="W",
        ),
        maps_halved_in_place=flow(given="maps /= 2", A="W + same / 2"),
        maps_of_float32=flow(given="maps = maps.float()"),
    ),
    *mutants(
        "q4",
        "q4.many_blocks q4.any_maps",
        first_block_on_the_left=flow(product="flow @ A"),
        blocks_read_backwards=flow(blocks="maps.mean(dim=2).flip(0)"),
        heads_apart_until_the_end=HEADS_APART,
        residual_not_halved_but_divided_in_the_end=flow(
            A="W + same", answer="flow / 2"
        ),
        residual_at_the_end_only=flow(A="W", answer="(flow + same) / 2"),
        residual_in_the_first_block_only=flow(
            A="W", start="(maps[0].mean(1) + same) / 2", blocks="maps[1:].mean(dim=2)"
        ),
        last_block_only=flow(blocks="maps[-1:].mean(dim=2)"),
        first_block_only=flow(blocks="maps[:1].mean(dim=2)"),
        blocks_averaged=flow(blocks="maps.mean(dim=2).mean(dim=0, keepdim=True)"),
        power_of_the_mean_block=flow(
            blocks="maps.mean(dim=2).mean(dim=0, keepdim=True).expand(len(maps), "
            "-1, -1, -1)"
        ),
        blocks_added_up=flow(
            start="torch.zeros_like(maps[0, :, 0])", product="flow + A / len(maps)"
        ),
        number_by_number=flow(
            start="torch.ones_like(maps[0, :, 0])", product="A * flow"
        ),
        starts_from_zeros=flow(
            start="torch.zeros_like(maps[0, :, 0])", product="A @ flow + A"
        ),
    ),
    *mutants(
        "q4",
        "q4.class_picture q4.any_maps",
        column_of_the_class_token=view(shares="flow[:, 1:, 0]"),
        its_own_share_kept_and_the_last_lost=view(shares="flow[:, 0, :-1]"),
        its_own_share_in_the_sum=view(total="flow[:, 0].sum(dim=1, keepdim=True)"),
        row_of_the_last_token=view(shares="flow[:, -1, :-1]"),
        row_of_the_first_patch=view(shares="flow[:, 1, 1:]"),
        mean_of_all_tokens=view(shares="flow.mean(1)[:, 1:]"),
        not_divided=view(divided="shares"),
        divided_by_the_largest_share=view(total="shares.amax(1, keepdim=True)"),
        divided_by_the_sum_of_all_images=view(total="shares.sum()"),
        divided_over_the_images=view(total="shares.sum(0, keepdim=True)"),
        darkest_is_zero=view(
            divided="(shares - shares.amin(1, True)) / (total - shares.amin(1, True))"
        ),
        grid_turned=view(laid="divided.unflatten(1, grid[::-1])"),
        laid_column_by_column=view(
            laid="divided.unflatten(1, grid[::-1]).transpose(1, 2)"
        ),
        not_laid_on_the_grid=view(laid="divided"),
        first_image_alone=view(laid="divided[:1].unflatten(1, grid)"),
        divided_in_place=view(
            given="flow[:, 0, 1:] /= flow[:, 0, 1:].sum(1, keepdim=True)"
        ),
        own_share_removed_in_place=view(
            given="flow[:, 0, 0] = 0", total="flow[:, 0].sum(1, keepdim=True)"
        ),
        shares_of_float32=view(given="flow = flow.float()"),
        shares_with_a_sum_on_the_cpu=view(
            total="torch.zeros(len(flow), 1, dtype=flow.dtype) + shares.sum(1, "
            "keepdim=True)"
        ),
    ),
    *mutants(
        "q5",
        "q5.targets q5.any_mixture",
        no_smoothing=smooth(targets="sure"),
        rest_not_taken_away=smooth(targets="sure + smoothing / classes"),
        nothing_dealt_out=smooth(targets="(1 - smoothing) * sure"),
        dealt_out_to_the_wrong_ones=smooth(
            targets="(1 - smoothing) * sure + (1 - sure) * smoothing / (classes - 1)"
        ),
        right_one_does_not_get_its_part=smooth(
            targets="(1 - smoothing) * sure + (1 - sure) * smoothing / classes"
        ),
        each_gets_all_that_is_dealt_out=smooth(
            targets="(1 - smoothing) * sure + smoothing"
        ),
        divided_by_the_wrong_ones=smooth(
            targets="(1 - smoothing) * sure + smoothing / (classes - 1)"
        ),
        divided_by_the_images=smooth(
            targets="(1 - smoothing) * sure + smoothing / len(labels)"
        ),
        smoothing_turned_round=smooth(
            targets="smoothing * sure + (1 - smoothing) / classes"
        ),
        always_a_tenth=smooth(targets="0.9 * sure + 0.1 / classes"),
        as_many_classes_as_seen=smooth(sure="F.one_hot(labels).float()"),
        labels_from_one=smooth(
            sure="F.one_hot((labels - 1) % classes, classes).float()"
        ),
        classes_first=smooth(
            targets="((1 - smoothing) * sure + smoothing / classes).T"
        ),
        targets_of_float64=smooth(sure="F.one_hot(labels, classes).double()"),
        targets_made_on_the_cpu=smooth(sure="torch.eye(classes)[labels]"),
        labels_changed_in_place=smooth(
            sure="F.one_hot(labels.add_(1), classes + 1)[:, 1:].float()"
        ),
    ),
    *mutants(
        "q5",
        "q5.mix q5.any_mixture",
        share_of_the_other=mixing(
            images="(1 - left) * images + left * others",
            targets="(1 - left) * targets + left * others",
        ),
        share_of_the_other_for_images=mixing(
            images="(1 - left) * images + left * others"
        ),
        share_of_the_other_for_targets=mixing(
            targets="(1 - left) * targets + left * others"
        ),
        targets_not_mixed=mixing(targets="targets"),
        images_not_mixed=mixing(images="images"),
        targets_of_the_larger_share=mixing(
            targets="torch.where(left >= 0.5, targets, others)"
        ),
        targets_half_and_half=mixing(targets="(targets + others) / 2"),
        one_share_for_all=mixing(left="share[0].expand(len(images), 1, 1, 1)"),
        mean_share_for_all=mixing(left="share.mean().expand(len(images), 1, 1, 1)"),
        shares_of_the_other_order=mixing(left="share[order].reshape(-1, 1, 1, 1)"),
        shares_ordered_for_targets=mixing(
            left_of_targets="share[order].reshape(-1, 1)"
        ),
        share_along_the_width=mixing(
            left="share.expand(len(images))",
            images="share[torch.arange(images.shape[3], device=share.device) % "
            "len(share)] * images + (1 - "
            "share[torch.arange(images.shape[3], device=share.device) % "
            "len(share)]) * others",
        ),
        order_turned_round=mixing(given="order = order.argsort()"),
        order_turned_round_for_targets=mixing(
            others_targets="targets[order.argsort()]"
        ),
        always_the_reversed_batch=mixing(
            others="images.flip(0)", others_targets="targets.flip(0)"
        ),
        always_the_next_image=mixing(
            others="images.roll(-1, 0)", others_targets="targets.roll(-1, 0)"
        ),
        other_targets_not_ordered=mixing(others_targets="targets"),
        mixed_with_itself=mixing(others="images", others_targets="targets"),
        added_without_shares=mixing(
            images="images + others", targets="targets + others"
        ),
        targets_first=mixing(answer="targets, new"),
        images_alone=mixing(answer="new"),
        images_mixed_in_place=mixing(
            images="images.mul_(left).add_((1 - left) * others)"
        ),
        targets_mixed_in_place=mixing(
            targets="targets.mul_(left).add_((1 - left) * others)"
        ),
        changed_before_the_others_are_taken=mixing(
            given="images = images.clone(); old = images",
            images="torch.stack([images[b].mul_(share[b]).add_((1 - share[b]) * "
            "images[o]) for b, o in enumerate(order.tolist())])",
        ),
        shares_turned_in_place=mixing(
            left="share.neg_().add_(1).reshape(-1, 1, 1, 1)",
            images="(1 - left) * images + left * others",
            targets="(1 - left) * targets + left * others",
        ),
        mixed_of_float32=mixing(answer="new.float(), targets.float()"),
        mixed_targets_of_float32=mixing(answer="new, targets.float()"),
        shares_on_the_cpu=mixing(
            left="torch.zeros(len(share), 1, 1, 1, dtype=share.dtype) + "
            "share.reshape(-1, 1, 1, 1)"
        ),
    ),
    *mutants(
        "q5",
        "q5.loss q5.any_mixture",
        softmax_over_the_images=losing(logs="logits.log_softmax(dim=0)"),
        log_of_a_softmax=losing(logs="logits.softmax(dim=1).log()"),
        log_of_a_softmax_and_a_little=losing(
            logs="(logits.softmax(dim=1) + 1e-4).log()"
        ),
        no_softmax=losing(logs="logits"),
        softmax_without_log=losing(logs="logits.softmax(dim=1)"),
        softmax_twice=losing(logs="logits.softmax(dim=1).log_softmax(dim=1)"),
        sign_forgotten=losing(each="products.sum(dim=1)"),
        sum_over_the_batch=losing(answer="each.sum()"),
        mean_over_the_classes_too=losing(each="-products.mean(dim=1)"),
        not_averaged=losing(answer="each"),
        largest_target_only=losing(
            products="F.one_hot(targets.argmax(1), targets.shape[1]) * logs"
        ),
        targets_normalised_by_softmax=losing(given="targets = targets.softmax(1)"),
        targets_and_logits_exchanged=losing(
            logs="(targets + 1e-9).log()", products="logits.softmax(1) * logs"
        ),
        mean_squared_error=losing(
            logs="logits.softmax(1)",
            products="(logs - targets) ** 2",
            each="products.sum(1)",
        ),
        each_class_for_itself=losing(
            logs="F.logsigmoid(logits)",
            products="targets * logs + (1 - targets) * F.logsigmoid(-logits)",
        ),
        first_image_only=losing(answer="each[0]"),
        loss_without_way_back=losing(answer="each.mean().detach()"),
        loss_as_a_number=losing(
            answer="torch.tensor(each.mean().item(), dtype=logits.dtype)"
        ),
        largest_logit_detached_wrongly=losing(
            given="logits = logits - logits.amax(1, keepdim=True)",
            logs="logits - logits.exp().sum(1, keepdim=True).log().detach()",
        ),
        logits_shifted_in_place=losing(
            given="logits.data -= logits.data.amax(1, keepdim=True)"
        ),
        targets_divided_in_place=losing(
            given="targets.data.div_(targets.shape[1])",
            each="-products.sum(1) * targets.shape[1]",
        ),
        loss_of_float32=losing(answer="each.mean().float()"),
        loss_on_the_cpu=losing(
            answer="(torch.zeros(len(each), dtype=each.dtype) + each).mean()"
        ),
    ),
]
