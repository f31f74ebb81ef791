// A translation beside its reference: which words came out, in the right order.

// The longest list of words that both have in the same order. `ours` and `theirs` say of
// each word whether it is in that list, `share` how much it is of the longer one: so to
// say too much costs as much as to say too little.
export function compare(translation, reference) {
  const [m, n] = [translation.length, reference.length];
  // length[i][j]: of the longest one that is left from ours[i] and theirs[j] on
  const length = Array.from({ length: m + 1 }, () => new Array(n + 1).fill(0));
  for (let i = m - 1; i >= 0; i--)
    for (let j = n - 1; j >= 0; j--)
      length[i][j] =
        translation[i] === reference[j]
          ? length[i + 1][j + 1] + 1
          : Math.max(length[i + 1][j], length[i][j + 1]);
  const ours = new Array(m).fill(false);
  const theirs = new Array(n).fill(false);
  for (let i = 0, j = 0; i < m && j < n;)
    if (translation[i] === reference[j]) [ours[i++], theirs[j++]] = [true, true];
    else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  return { ours, theirs, share: n ? length[0][0] / Math.max(m, n) : null };
}
