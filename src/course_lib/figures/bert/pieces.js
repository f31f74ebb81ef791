// WordPiece: how pieces are learned, and how a word is cut into them. By count, the pieces
// are those of course_lib.data.wordpiece, in the same order.

export const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
export const UNKNOWN = "[UNK]";
const INSIDE = "##";

const HAN = "\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff";
const ALONE = `[\\p{P}$+<=>^\`|~${HAN}]`; // a word of its own, as BERT has it
const WORDS = new RegExp(`${ALONE}|(?:(?!${ALONE})\\S)+`, "gu");

// The words of a text: cut at spaces, punctuation apart.
export const split = (text) =>
  text
    .normalize("NFC")
    .replace(/\s/gu, " ")
    .replace(/[\p{C}\ufffd]/gu, "")
    .match(WORDS) ?? [];

// The text of a piece, without the sign that it stands inside a word.
export const bare = (piece) =>
  piece.startsWith(INSIDE) ? piece.slice(INSIDE.length) : piece;

const inOrder = (texts) =>
  [...new Set(texts)].sort((a, b) => a.codePointAt(0) - b.codePointAt(0));

const add = (counts, key, more) => counts.set(key, (counts.get(key) ?? 0) + more);

// What each rule gives a pair; the largest is joined. Equal ones: the piece that was there
// first, as the `tokenizers` library has it.
export const RULES = {
  count: ({ count }) => count,
  ratio: ({ count, left, right }) => count / (left * right),
};

// Every pair of neighbours, the one that is joined next first: its pieces a and b, how
// often they stand side by side, and how often each of them stands anywhere.
function rank(words, numbers, rule) {
  const alone = new Map();
  const pairs = new Map();
  for (const { pieces, count } of words)
    pieces.forEach((b, i) => {
      add(alone, b, count);
      if (i) add(pairs, `${pieces[i - 1]} ${b}`, count);
    });
  return [...pairs]
    .map(([key, count]) => {
      const [a, b] = key.split(" ");
      return { a, b, count, left: alone.get(a), right: alone.get(b) };
    })
    .sort(
      (p, q) =>
        RULES[rule](q) - RULES[rule](p) ||
        numbers.get(p.a) - numbers.get(q.a) ||
        numbers.get(p.b) - numbers.get(q.b),
    );
}

function join(pieces, { a, b }, whole) {
  const joined = [];
  for (let i = 0; i < pieces.length; i++)
    if (pieces[i] === a && pieces[i + 1] === b) {
      joined.push(whole);
      i += 1;
    } else joined.push(pieces[i]);
  return joined;
}

// All that happens, from single characters until every word is one piece. A step has its
// `words` in pieces, the `pieces` there are, the `pairs` to choose from, and the piece
// that was `made` to get there.
export function learn(text, rule) {
  const counts = new Map();
  for (const word of split(text)) add(counts, word, 1);
  const letters = [...counts.keys()].map((word) => [...word]);
  const first = [
    ...SPECIAL,
    ...inOrder(letters.flatMap((all) => all.slice(1))).map((c) => INSIDE + c),
    ...inOrder(letters.flat()),
  ];
  const numbers = new Map(first.map((piece, n) => [piece, n]));
  let words = [...counts].map(([word, count]) => ({
    word,
    count,
    pieces: [...word].map((c, i) => (i ? INSIDE + c : c)),
  }));
  const step = (made) => ({
    words,
    made,
    size: numbers.size,
    pairs: rank(words, numbers, rule),
  });
  const steps = [step(null)];
  while (steps.at(-1).pairs.length) {
    const [best] = steps.at(-1).pairs;
    const whole = best.a + bare(best.b);
    numbers.set(whole, numbers.size);
    words = words.map((one) => ({ ...one, pieces: join(one.pieces, best, whole) }));
    steps.push(step(whole));
  }
  const all = [...numbers.keys()];
  return steps.map((one) => ({ ...one, pieces: all.slice(0, one.size) }));
}

// Greedily from the left, each time the longest piece that there is: every try, and the
// pieces. A word with a part that no piece fits is [UNK] as a whole.
export function cut(word, has) {
  const letters = [...word];
  const tries = [];
  const pieces = [];
  for (let from = 0; from < letters.length;) {
    let to = letters.length;
    for (; to > from; to--) {
      const piece = (from ? INSIDE : "") + letters.slice(from, to).join("");
      const found = has(piece);
      tries.push({ from, to, piece, found });
      if (found) break;
    }
    if (to === from) return { tries, pieces: [UNKNOWN] };
    pieces.push(tries.at(-1).piece);
    from = to;
  }
  return { tries, pieces };
}
