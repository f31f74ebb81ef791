// Korean text as tokens. A particle is written onto the word before it, so a word that
// the vocabulary does not have may be one that it has and a particle.

// Longest first, so that a word is never cut too late.
export const PARTICLES = [
  ..."이었다고 이었지만 에게서 였다고 였지만 이라고 이었고 이었다 이지만 한테서".split(
    " ",
  ),
  ..."라고 에게 에서 였고 였다 으로 이고 이다 한테".split(" "),
  ..."가 과 께 는 들 로 를 에 와 은 을 의 이".split(" "),
];

// Hangul syllables are numbered by initial, vowel and final consonant: 0 is no final.
const FIRST = "가".codePointAt(0);
const final = (word) => (word.codePointAt(word.length - 1) - FIRST) % 28;
const hangul = (word) => /^[가-힣]+$/u.test(word);
const RIEUL = 8;

// Some particles have two forms: one after a consonant, the other after a vowel.
function fits(particle, host) {
  if (!hangul(host)) return false;
  const closed = final(host) !== 0;
  if ("은이을과".includes(particle)) return closed;
  if ("는가를와".includes(particle)) return !closed;
  if (particle === "으로") return closed && final(host) !== RIEUL;
  if (particle === "로") return !closed || final(host) === RIEUL;
  return true;
}

const bare = new Set(PARTICLES.filter((particle) => particle !== "이")); // 이: "this"

function cut(word, known) {
  if (known(word)) return [word];
  for (const strict of [true, false])
    for (const particle of PARTICLES) {
      const host = word.slice(0, -particle.length);
      if (!host || !word.endsWith(particle) || !fits(particle, host)) continue;
      if (known(host) && !bare.has(host)) return [host, particle];
      const inner = host.endsWith("들") ? cut(host, known) : [];
      if (inner.length === 2) return [...inner, particle];
      if (!strict) return [host, particle]; // a name, perhaps
    }
  return [word];
}

// Each written word as its tokens: "나는 집에 간다" -> [[나, 는], [집, 에], [간다]].
// known(token) says whether the vocabulary has it.
export const groups = (text, known) =>
  text
    .normalize("NFC")
    .split(/\s+/u)
    .filter((word) => word)
    .map((word) => cut(word, known));

// The text without its token number n. Where what is left of a word would be read in
// another way, it is written apart.
export function without(all, n, known) {
  let first = 0; // number of the first token of the word
  const kept = all.map((group) => {
    const left = group.filter((_, i) => first + i !== n);
    first += group.length;
    const same = left.length === group.length;
    const whole = left.join("");
    const again = whole ? cut(whole, known) : [];
    return same || again.join(" ") === left.join(" ") ? whole : left.join(" ");
  });
  return kept.filter((word) => word).join(" ");
}
